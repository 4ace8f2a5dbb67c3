"""What `make test` does: which tests run where, one after the other, and what is said at the end.

`parts` runs them, `places` decides which go to the guest, `record` reads back what happened,
`accounting` and `summary` judge it.
"""

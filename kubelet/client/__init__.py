"""The agent as its command line knows it: the API on its socket."""

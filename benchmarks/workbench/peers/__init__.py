"""firkin and its peers, doing the same in turn: one file for each contest, and for what they need."""

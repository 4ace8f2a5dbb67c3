"""Objects in all their parts, for people to read, in the form of kubectl."""

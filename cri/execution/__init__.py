"""Programs run in containers that are there: exec, with streams and without."""

"""One module for each command: its declaration `COMMAND` and its body `run`."""

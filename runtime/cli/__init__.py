"""The command line of firkin: declarations, parser, dispatch, messages."""

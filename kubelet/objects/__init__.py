"""The objects that the agent works on: where they are kept, how they are read, completed and checked."""

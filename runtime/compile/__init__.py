"""From a container's configuration to its plan: one module per concern, each a pure function."""

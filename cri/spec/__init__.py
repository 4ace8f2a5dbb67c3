"""From what CRI asks of a container to a runtime configuration: pure functions, one concern each."""

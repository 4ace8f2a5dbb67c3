"""Containers: made, started, stopped, removed, shown."""

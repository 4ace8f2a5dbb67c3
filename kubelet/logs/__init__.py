"""Logs of containers: where they are, how they are rotated and read."""

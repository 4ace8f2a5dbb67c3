"""Probes: whether containers have started, serve, and live."""

"""Devices by name, as their vendors describe them: the Container Device Interface."""

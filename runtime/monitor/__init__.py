"""Containers under a monitor, the C process that outlives whoever started it (csrc/monitor.h, docs/monitor.md).

These modules are the only users of its protocol. They are for a server: nothing here is on the command's start path.
"""

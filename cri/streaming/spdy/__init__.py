"""SPDY/3.1 as Kubernetes speaks it, without input and output.

Streams are opened by the client alone; nothing is pushed. Windows are not kept: the one implementation that is met,
spdystream of Go, neither sends WINDOW_UPDATE nor heeds it, and SETTINGS it takes no notice of. Who is to be slowed down
is not read from.
"""

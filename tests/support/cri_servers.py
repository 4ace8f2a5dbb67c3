"""The servers of CRI to compare, each a daemon with all that it keeps below one directory, and the same image."""

from __future__ import annotations

from firkin.workbench.peers.cri_servers import IMAGE, Server, firkin_command, make_images, running

__all__ = ["IMAGE", "Server", "firkin_command", "make_images", "running"]

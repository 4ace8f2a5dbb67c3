"""Images that are put into a store without a registry."""

from __future__ import annotations

from firkin.workbench.peers.local_image import add_image, machine

__all__ = ["add_image", "machine"]

"""From an image to a bundle: the root file system and the configuration."""

from __future__ import annotations

__all__: list[str] = []

"""What the commands about images have in common."""

from __future__ import annotations

__all__: list[str] = []

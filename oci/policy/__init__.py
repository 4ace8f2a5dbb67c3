"""Which images are allowed: rules in a file, and programs that verify."""

from __future__ import annotations

__all__: list[str] = []

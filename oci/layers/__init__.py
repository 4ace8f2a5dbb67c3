"""Layers: inflated, verified, and written below a directory by a program of their own."""

from __future__ import annotations

__all__: list[str] = []

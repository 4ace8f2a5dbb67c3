"""Registries: images fetched from them and pushed to them over HTTP, from servers that are not trusted."""

from __future__ import annotations

__all__: list[str] = []

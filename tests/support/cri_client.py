"""A client of CRI, for tests: every call by its name, with messages written as JSON objects."""

from __future__ import annotations

from firkin.workbench.peers.cri_client import CriClient

__all__ = ["CriClient"]

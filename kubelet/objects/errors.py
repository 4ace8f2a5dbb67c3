"""What can be wrong with a request for an object."""

from __future__ import annotations

from firkin.errors import StateError

__all__ = ["ConflictError", "ExpiredError"]


class ConflictError(StateError):
    """The object is not what it was when the caller read it (Kubernetes API conventions, "Concurrency control")."""


class ExpiredError(StateError):
    """The changes since that version are not remembered any more: the caller must read all objects again."""

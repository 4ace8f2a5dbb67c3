"""What can go wrong before a container is made: CreateContainerConfigError, in the words of Kubernetes."""

from __future__ import annotations

from firkin.errors import FirkinError

__all__ = ["VariableError"]


class VariableError(FirkinError):
    """A variable of a container can not be told: what it refers to is not there, or has no such key."""

"""OCI and Docker images as data: names, digests, descriptors, manifests, configurations. Nothing here does I/O."""

from __future__ import annotations

__all__: list[str] = []

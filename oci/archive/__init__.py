"""Images in files: OCI image layouts and what `docker save` writes, read without trust and written always the same."""

from __future__ import annotations

__all__: list[str] = []

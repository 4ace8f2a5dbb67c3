"""Images on disk: blobs by digest, what is known of them in SQLite, leases, garbage collection, a check of it all."""

from __future__ import annotations

__all__: list[str] = []

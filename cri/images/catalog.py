"""The images of the store as CRI counts them: by the digest of their configuration, with all their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firkin.errors import ConfigError, ImageError, NotFoundError
from firkin.oci.image.reference import Reference, parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.store.images import ImageStore, Local

__all__ = ["Catalog", "CatalogEntry"]

_DIGEST = "sha256:"
_SHORTEST_ID = 3
_WHOLE_ID = len(_DIGEST) + 64


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One image: its id, its names, and one of them with which the store finds it."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    names: tuple[str, ...]
    local: Local
    size: int


class Catalog:
    """A view of `store`, read anew when its names have changed. An image that is damaged is not in it."""

    def __init__(self, store: ImageStore, policy: Policy) -> None:
        self._store = store
        self._policy = policy
        self._entries: dict[str, CatalogEntry] = {}
        self._by_name: dict[str, CatalogEntry] = {}
        self._seen: object = None

    def entries(self) -> list[CatalogEntry]:
        """All images, in the order of their ids."""
        self._refresh()
        return [self._entries[id] for id in sorted(self._entries)]

    def find(self, text: str) -> CatalogEntry | None:
        """The image that an id, the unique begin of one, or a name stands for.

        Raises ImageError for what is none of these.
        """
        self._refresh()
        found = self._by_id(text)
        if found is not None or text.startswith(_DIGEST):
            return found
        reference = parse_reference(text)
        found = self._by_name.get(str(reference))
        if found is None and reference.digest:
            # A tag beside a digest says nothing.
            found = self._by_name.get(str(reference._replace(tag="")))
        return found

    def get(self, text: str) -> CatalogEntry:
        """As find. Raises NotFoundError if it is not here."""
        found = self.find(text)
        if found is None:
            raise NotFoundError(f"image {text}: is not here")
        return found

    async def allowed(self, text: str) -> CatalogEntry:
        """As get, of an image that the policy of this machine allows now. Raises PolicyError, too."""
        entry = self.get(text)
        # An image that is asked for by its id is judged by the first of its names.
        named = parse_reference(entry.names[0])
        judged = parse_reference(text) if self._by_id(text) is None else named
        if self._policy.verifies(judged):
            await self._policy.check_async(judged, self._store.documents(named))
        return entry

    def _by_id(self, text: str) -> CatalogEntry | None:
        id = text if text.startswith(_DIGEST) else _DIGEST + text
        if len(id) == _WHOLE_ID:
            return self._entries.get(id)
        if len(id) < len(_DIGEST) + _SHORTEST_ID:
            return None
        found = [entry for key, entry in self._entries.items() if key.startswith(id)]
        return found[0] if len(found) == 1 else None

    def _refresh(self) -> None:
        rows = self._store.metadata.images()
        if rows == self._seen:
            return
        groups: dict[str, list[tuple[Reference, str, Local]]] = {}
        for row in rows:
            reference = parse_reference(row.name)
            for local in self._local(reference):
                groups.setdefault(local.manifest.config.digest, []).append((reference, row.digest, local))
        self._entries = {id: self._entry(id, group) for id, group in groups.items()}
        self._by_name = {name: entry for entry in self._entries.values() for name in (*entry.names, *entry.digests)}
        self._seen = rows

    def _local(self, reference: Reference) -> Iterator[Local]:
        try:
            yield self._store.find(reference)
        except (ImageError, ConfigError, NotFoundError):
            # `firkin fsck` tells of it; a pull mends it.
            return

    def _entry(self, id: str, group: list[tuple[Reference, str, Local]]) -> CatalogEntry:
        names = tuple(str(reference) for reference, _, _ in group)
        tags = tuple(f"{reference.repository}:{reference.tag}" for reference, _, _ in group if reference.tag)
        tops = {f"{reference.repository}@{digest}" for reference, digest, _ in group}
        local = group[0][2]
        return CatalogEntry(id, tags, tuple(sorted(tops)), names, local, self._size(local))

    def _size(self, local: Local) -> int:
        return local.manifest.config.size + sum(layer.size for layer in local.manifest.layers)

"""What is in an archive, whichever form it has: images by name, and where their blobs lie."""

from __future__ import annotations

from typing import NamedTuple

from firkin.errors import ImageError
from firkin.oci.image.reference import parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from firkin.oci.image.manifest import Descriptor, Platform
    from firkin.oci.image.reference import Reference

    Documents = list[tuple[Descriptor, bytes]]

__all__ = ["Contents", "Packed", "full_name"]


class Contents(NamedTuple):
    """One image: its documents, the top one first, and the files that hold its blobs, by their digests."""

    documents: Documents
    places: Mapping[str, str]


class Packed(NamedTuple):
    """An image in an archive, which is not read before it is chosen.

    `names` are what the archive calls it, `key` is what else it can be told from others by; `read` gives what it is for
    a platform, or for all of them with None, and raises ImageError, ConfigError.
    """

    names: Sequence[str]
    key: str
    read: Callable[[Platform | None], Contents]

    @property
    def label(self) -> str:
        """How to show it."""
        return ", ".join(self.names) or self.key

    def references(self) -> list[Reference]:
        """Its names that are names of images: a tag alone says nothing of the repository."""
        found = [name for text in self.names if (name := full_name(text)) is not None]
        return list(dict.fromkeys(found))


def full_name(text: str) -> Reference | None:
    """The image that a name in an archive means, None if it is none, or only a part of one."""
    if not any(mark in text for mark in "/:@"):
        return None
    try:
        return parse_reference(text)
    except ImageError:
        return None

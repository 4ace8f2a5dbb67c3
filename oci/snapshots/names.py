"""Names of unpacked layers.

Most layers are the same wherever they lie: what is in their archive is all that is in their directory, and they are
named by their diff id. A layer that says nothing of a directory in which it has files takes that directory's owner,
mode and time from what lies below, so it is named by its chain id: that of all layers up to it.
Source: image-spec config.md, "Layer DiffID", "Layer ChainID".
"""

from __future__ import annotations

from collections.abc import Iterable

from firkin.oci.image.digest import digest_of

__all__ = ["chain_ids", "chained", "flat", "item", "standalone"]


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """The chain id of each layer, the lowest first."""
    found: list[str] = []
    for diff_id in diff_ids:
        found.append(digest_of(f"{found[-1]} {diff_id}".encode()) if found else diff_id)
    return found


def standalone(diff_id: str) -> str:
    """The name of a layer that is the same wherever it lies."""
    return f"layer-{_plain(diff_id)}"


def chained(chain_id: str) -> str:
    """The name of a layer that depends on those below it."""
    return f"chain-{_plain(chain_id)}"


def flat(chain_id: str) -> str:
    """The name of a directory that holds all layers of a chain, where they can not be mounted over each other."""
    return f"flat-{_plain(chain_id)}"


def item(name: str) -> str:
    """What a snapshot is called as an item that something keeps (`Metadata.refer`)."""
    return f"snapshot/{name}"


def _plain(digest: str) -> str:
    return digest.replace(":", "-")

"""`firkin fsck`: check the images on disk."""

from __future__ import annotations

from firkin.runtime.cli.options import Command
from firkin.runtime.images.common import GROUP, STORE, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "fsck",
    "compare all blobs with their digests, images with their blobs, and layers with what was written",
    group=GROUP,
    options=(STORE,),
    examples=(("firkin fsck", "a line for all that is wrong; nothing is changed"),),
    exit_codes=(("1", "something is wrong, or the command failed"),),
)


def run(invocation: Invocation) -> int:
    """Print what is wrong; returns 1 if anything is, else 0."""
    from firkin.oci.snapshots.garbage import check
    from firkin.oci.snapshots.store import Snapshots

    wrong = 0
    with open_store(invocation) as store:
        for line in (*store.check(), *check(Snapshots(store))):
            print(line)
            wrong += 1
    return 1 if wrong else 0

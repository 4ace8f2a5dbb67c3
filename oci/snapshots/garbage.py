"""What is not needed any more: layers that no image, no lease and no container keeps, and what dead processes left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from firkin.errors import KernelError
from firkin.oci.snapshots.holding import Held, read_holding
from firkin.oci.snapshots.making import try_lock
from firkin.oci.snapshots.names import item
from firkin.oci.snapshots.store import Snapshots
from firkin.oci.snapshots.trees import measure
from firkin.oci.store.leases import end_dead_leases

__all__ = ["Removed", "check", "collect", "living_holdings"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Removed(NamedTuple):
    """What was removed: layers, their bytes, and holdings of containers that are gone."""

    layers: int
    bytes: int
    holdings: int


def collect(snapshots: Snapshots) -> Removed:
    """Remove what nothing keeps. Raises KernelError, StateError; what is left then goes the next time."""
    try:
        holdings = sum(_bury(snapshots, path) for path in _holdings(snapshots))
        layers, freed = _forget_layers(snapshots)
        _dispose_of_unrecorded(snapshots)
        for name in os.listdir(snapshots.new):
            _bury_unlocked(snapshots, f"{snapshots.new}/{name}")
        snapshots.empty_trash()
    except OSError as error:
        raise KernelError(f"clean up {snapshots.root}", error.errno or 0) from error
    return Removed(layers, freed, holdings)


def living_holdings(snapshots: Snapshots) -> Iterator[Held]:
    """What containers that exist hold. Raises OSError."""
    for path in _holdings(snapshots):
        held = read_holding(path)
        if held is not None and _is_kept(path, held):
            yield held


def _holdings(snapshots: Snapshots) -> list[str]:
    return [f"{snapshots.holdings}/{name}" for name in sorted(os.listdir(snapshots.holdings))]


def _is_kept(path: str, held: Held) -> bool:
    fd = try_lock(path)
    if fd < 0:
        return os.path.isdir(path)
    os.close(fd)
    return _is_held(path, held)


def _is_held(path: str, held: Held | None) -> bool:
    if held is None:
        return False
    try:
        with open(held.holder, "rb") as file:
            return os.path.basename(path).encode() in file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def _bury(snapshots: Snapshots, path: str) -> bool:
    fd = try_lock(path)
    if fd < 0:
        return False
    try:
        # While it is locked nobody can be about to let its holder name it.
        if _is_held(path, read_holding(path)):
            return False
        snapshots.dispose(path)
        return True
    finally:
        os.close(fd)


def _bury_unlocked(snapshots: Snapshots, path: str) -> None:
    fd = try_lock(path)
    if fd >= 0:
        try:
            snapshots.dispose(path)
        finally:
            os.close(fd)


def _forget_layers(snapshots: Snapshots) -> tuple[int, int]:
    metadata = snapshots.store.metadata
    # Who takes layers writes them into a holding first, then looks whether they are there.
    with snapshots.collection(), metadata.transaction():
        end_dead_leases(metadata, snapshots.store.leases)
        kept = metadata.reachable()
        for path in _holdings(snapshots):
            held = read_holding(path)
            kept |= {item(name) for name in held.layers} if held else set()
        counted = set(snapshots.counted())
        gone = [row for row in metadata.snapshots() if item(row.name) not in kept or row not in counted]
        for row in gone:
            metadata.remove_snapshot(row.name)
    return len(gone), sum(row.bytes for row in gone)


def _dispose_of_unrecorded(snapshots: Snapshots) -> None:
    # Whoever puts a layer in its place does that in a transaction, too.
    with snapshots.store.metadata.transaction():
        recorded = {row.name for row in snapshots.counted()}
        for name in os.listdir(snapshots.layers):
            if name not in recorded:
                snapshots.dispose(snapshots.directory(name))


def check(snapshots: Snapshots) -> Iterator[str]:
    """What is wrong with the layers, a line each: all are there, with as many files as were written."""
    rows = snapshots.counted()
    for row in rows:
        path = snapshots.directory(row.name)
        try:
            fd = os.open(path, _DIRECTORY)
        except FileNotFoundError:
            yield f"layer {row.name}: is missing"
            continue
        try:
            found = measure(fd, path).inodes
        finally:
            os.close(fd)
        if found != row.inodes:
            yield f"layer {row.name}: has {found} files and directories, {row.inodes} were written"

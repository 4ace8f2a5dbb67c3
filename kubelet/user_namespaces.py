"""Ids of the host for pods that have users of their own (hostUsers: false): a block of 65536 for each pod (KEP-127)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from firkin.cri.api.security_pb2 import POD, IDMapping, UserNamespace
from firkin.errors import StateError

__all__ = ["UserNamespaces"]

_BLOCK = 65536
_FILE = "userns"


class UserNamespaces:
    """The blocks of all pods. Which one a pod has is in the file `userns` of its directory, as the kubelet keeps it.

    Parameters: `directories` are those of the pods that have something on disk, by uid. The first block is the host's
    own, and is given to nobody.
    """

    def __init__(self, directories: Iterable[tuple[str, str]], *, first: int = 1, count: int = 1024) -> None:
        self._first = first
        self._count = count
        self._blocks: dict[str, int] = {}
        for uid, directory in directories:
            if (block := _read(directory)) is not None:
                self._blocks[uid] = block

    def take(self, uid: str, directory: str) -> UserNamespace:
        """The mapping of a pod, made if it has none yet. Raises StateError if all are taken, OSError."""
        block = self._blocks.get(uid)
        if block is None:
            block = self._free()
            _write(directory, block)
            self._blocks[uid] = block
        mapping = IDMapping(host_id=block * _BLOCK, container_id=0, length=_BLOCK)
        return UserNamespace(mode=POD, uids=[mapping], gids=[mapping])

    def give_back(self, uid: str) -> None:
        """The pod is gone, with its directory."""
        self._blocks.pop(uid, None)

    def _free(self) -> int:
        taken = set(self._blocks.values())
        for block in range(self._first, self._first + self._count):
            if block not in taken:
                return block
        raise StateError(f"could not find an empty slot to allocate a user namespace: all {self._count} are taken")


def _read(directory: str) -> int | None:
    try:
        with open(f"{directory}/{_FILE}", encoding="ascii") as file:
            block, rest = divmod(int(json.load(file)["uidMappings"][0]["hostId"]), _BLOCK)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        # Cut off by a crash: the pod has no sandbox that uses it, as it is written before.
        return None
    return None if rest else block


def _write(directory: str, block: int) -> None:
    mapping = [{"hostId": block * _BLOCK, "containerId": 0, "length": _BLOCK}]
    path = f"{directory}/{_FILE}"
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump({"uidMappings": mapping, "gidMappings": mapping}, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)

"""Delegation: giving a subtree to another user, taking it back, and finding the subtree that one was given.

Given are the directory and the files that the kernel lists as safe to give, never those that limit the cgroup: they are
the parent's.
Source: Documentation/admin-guide/cgroup-v2.rst, "Delegation"; config-linux.md, "Cgroup ownership";
https://systemd.io/CGROUP_DELEGATION.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from firkin.cgroupfs.containment import in_mount, process_path
from firkin.cgroupfs.delegatable import ALWAYS, delegatable_files
from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import CgroupGoneError, CgroupPathError, CgroupPermissionError, CgroupValueError

__all__ = ["Delegated", "Delegation", "delegatable_files", "delegate", "find_delegated"]

_MOST_ID = (1 << 32) - 2


@dataclass(frozen=True, slots=True)
class _Owner:
    file: str
    uid: int
    gid: int


class Delegation:
    """A cgroup that was given to `uid`; as a context manager it is taken back at the end."""

    def __init__(self, group: Handle, uid: int, owners: list[_Owner]) -> None:
        self._group = group
        self._owners = owners
        self.uid = uid

    def __enter__(self) -> Delegation:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.undo()

    def undo(self) -> None:
        """Give the cgroup back to who had it, and to them all that `uid` made below; twice is once.

        What the user has open by now it can still write: kill its processes first where that matters.
        Raises CgroupPermissionError; a cgroup that is gone is no error.
        """
        if not self._owners:
            return
        directory = self._owners[0]
        # From above downwards, so that nothing new is made below what is taken back already.
        _give_all(self._group, self._owners)
        self._owners = []
        with Handle(self._group.path, os.dup(self._group.fileno())) as group:
            _take_below(group, self.uid, directory)


def delegate(group: Handle, uid: int, gid: int | None = None) -> Delegation:
    """Give a cgroup to the user `uid`, and to the group `gid` if not None, who may then make and control cgroups in it.

    The delegation uses the descriptor of `group`, which must stay open until it is undone.
    Raises CgroupPermissionError, CgroupGoneError, CgroupValueError for an id that is none, CgroupPathError for the root
    of the hierarchy, whose files no parent keeps; nothing is given then.
    """
    for number in (uid, gid or 0):
        if not 0 <= number <= _MOST_ID:
            raise CgroupValueError(f"delegate {group.path}: {number} is not the id of a user or group", file=group.path)
    if not group.has("cgroup.events"):
        raise CgroupPathError(f"delegate {group.path}: it is the root of the hierarchy", file=group.path)
    before: list[_Owner] = []
    try:
        for file in (".", *delegatable_files()):
            if owner := _owner(group, file):
                _give(group, _Owner(file, uid, -1 if gid is None else gid))
                before.append(owner)
    except BaseException:
        _give_all(group, before)
        raise
    return Delegation(group, uid, before)


def _owner(group: Handle, file: str) -> _Owner | None:
    try:
        status = os.stat(file, dir_fd=group.fileno(), follow_symlinks=False)
    except FileNotFoundError:
        return None
    return _Owner(file, status.st_uid, status.st_gid)


def _give(group: Handle, owner: _Owner) -> None:
    try:
        os.chown(owner.file, owner.uid, owner.gid, dir_fd=group.fileno(), follow_symlinks=False)
    except OSError as error:
        path = group.path if owner.file == "." else f"{group.path}/{owner.file}"
        raise failed("change the owner of", path, error, None) from error


def _give_all(group: Handle, owners: list[_Owner]) -> None:
    for owner in owners:
        try:
            _give(group, owner)
        except CgroupGoneError:
            continue


def _take_below(group: Handle, uid: int, owner: _Owner) -> None:
    for name in _names(group):
        path = f"{group.path}/{name}"
        try:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=group.fileno())
        except FileNotFoundError:
            continue
        with Handle(path, fd) as child:
            _give_all(child, [_Owner(file, owner.uid, owner.gid) for file in _owned(child, uid)])
            _take_below(child, uid, owner)


def _names(group: Handle) -> list[str]:
    with os.scandir(group.fileno()) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _owned(group: Handle, uid: int) -> Iterator[str]:
    # The directory first: then no more can be made in it.
    with os.scandir(group.fileno()) as entries:
        files = [".", *(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))]
    for file in files:
        owner = _owner(group, file)
        if owner and owner.uid == uid:
            yield file


@dataclass(frozen=True, slots=True)
class Delegated:
    """A subtree that was given to the calling user: its absolute `path`, and the `controllers` that it has.

    `here` is the absolute path of the cgroup that the caller is in, at or below `path`.
    """

    path: str
    controllers: frozenset[str]
    here: str

    def open(self) -> Cgroup:
        """The cgroup at `path`. Raises CgroupGoneError."""
        return Cgroup(self.path)


def find_delegated() -> Delegated:
    """The subtree that the calling user may use: at the topmost cgroup above the caller's own that the user owns.

    Only there can the user move processes from where the caller is. systemd makes such a subtree for each user manager
    and for each unit with Delegate=yes.
    Raises CgroupPermissionError if there is none, CgroupPathError if the caller's cgroup is not in sight.
    """
    mount = known_hierarchy().mount
    path = process_path()
    here = in_mount(path, mount)
    if here is None or not os.path.isdir(here):
        raise CgroupPathError(f"find the delegated cgroup: {path} can not be seen in {mount}", verb="find", file=path)
    uid = os.geteuid()
    top = next((above for above in _downwards(mount, here) if _is_given(above, uid)), None)
    if top is None:
        hint = "run it in a scope of the user's manager: systemd-run --user --scope --property=Delegate=yes COMMAND"
        reason = f"user {uid} owns neither {here} nor a cgroup above it"
        raise CgroupPermissionError(f"find the delegated cgroup: {reason}", verb="find", file=here, hint=hint)
    with Cgroup(top) as group:
        return Delegated(top, frozenset(group.read("cgroup.controllers").split()), here)


def _downwards(mount: str, path: str) -> Iterator[str]:
    yield mount
    for at, letter in enumerate(path):
        if letter == "/" and at > len(mount):
            yield path[:at]
    if path != mount:
        yield path


def _is_given(path: str, uid: int) -> bool:
    if os.stat(path, follow_symlinks=False).st_uid != uid:
        return False
    return all(os.access(f"{path}/{file}", os.W_OK, effective_ids=True) for file in ALWAYS[::2])

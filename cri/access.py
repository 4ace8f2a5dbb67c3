"""Who may connect to the server, beside root: the kernel asks the socket's permissions when somebody does (unix(7))."""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

from firkin.cri.acl import EXECUTE, READ, WRITE, Acl, read_acl, write_acl
from firkin.errors import ConfigError

__all__ = ["Access", "grant", "let_through", "resolve"]

_MOST = 0xFFFFFFFE


class Access(NamedTuple):
    """Users by id, and a group by id, -1 for none."""

    users: tuple[int, ...] = ()
    group: int = -1


def resolve(users: tuple[str, ...], group: str) -> Access:
    """The ids of names, or of numbers. Raises ConfigError for who is unknown on this machine."""
    ids = tuple(_user(name, f"cri.socket_users[{index}]") for index, name in enumerate(users))
    return Access(ids, _group(group) if group else -1)


def _user(name: str, place: str) -> int:
    if name.isascii() and name.isdecimal() and int(name) <= _MOST:
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise ConfigError(place, f"there is no user {name!r}", document="configuration") from None


def _group(name: str) -> int:
    if name.isascii() and name.isdecimal() and int(name) <= _MOST:
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError("cri.socket_group", f"there is no group {name!r}", document="configuration") from None


def grant(path: str, access: Access) -> None:
    """Let them connect to a socket, which has the mode 0600. Raises KernelError, OSError."""
    both = READ | WRITE
    if access.group >= 0:
        os.chown(path, -1, access.group)
    if access.users:
        acl = Acl(both, both if access.group >= 0 else 0, 0)
        acl.users = dict.fromkeys(access.users, both)
        write_acl(path, acl)
    elif access.group >= 0:
        os.chmod(path, 0o660)


def let_through(directory: str, access: Access) -> None:
    """Let them, and nobody whom an earlier server let, reach what is in a directory. Raises KernelError, OSError.

    They do not see what is in it. One that all may pass is left alone.
    """
    before = read_acl(directory)
    if before.others & EXECUTE:
        return
    after = Acl(before.owner, before.owning_group, before.others)
    # Whoever was given something else was not given it by a server.
    after.users = {id: permissions for id, permissions in before.users.items() if permissions != EXECUTE}
    after.groups = {id: permissions for id, permissions in before.groups.items() if permissions != EXECUTE}
    for id in access.users:
        after.users[id] = after.users.get(id, 0) | EXECUTE
    if access.group >= 0:
        after.groups[access.group] = after.groups.get(access.group, 0) | EXECUTE
    if after != before:
        write_acl(directory, after)

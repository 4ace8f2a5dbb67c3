"""Access control lists of files: who may do what, beyond owner, group and others (acl(5)).

The kernel's form of them is the value of an extended attribute (linux/posix_acl_xattr.h): a version, and for each entry
a tag, permissions and an id.
"""

from __future__ import annotations

import errno
import os
import struct

from firkin.errors import KernelError

__all__ = ["EXECUTE", "READ", "WRITE", "Acl", "read_acl", "write_acl"]

READ, WRITE, EXECUTE = 4, 2, 1

_ATTRIBUTE = "system.posix_acl_access"
_VERSION = 2
_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_OWNER, _USER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 1, 2, 4, 8, 16, 32
_NO_ID = 0xFFFFFFFF


class Acl:
    """The permissions of the `owner`, the `owning_group` and `others`, of `users` by id and of `groups` by id."""

    def __init__(self, owner: int, owning_group: int, others: int) -> None:
        self.owner = owner
        self.owning_group = owning_group
        self.others = others
        self.users: dict[int, int] = {}
        self.groups: dict[int, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Acl) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def encode(self) -> bytes:
        """The value of the attribute. The mask, the most that users and groups can have, takes nothing away."""
        mask = self.owning_group
        for one in (*self.users.values(), *self.groups.values()):
            mask |= one
        entries = [(_OWNER, self.owner, _NO_ID)]
        entries += [(_USER, one, id) for id, one in sorted(self.users.items())]
        entries.append((_OWNING_GROUP, self.owning_group, _NO_ID))
        entries += [(_GROUP, one, id) for id, one in sorted(self.groups.items())]
        if self.users or self.groups:
            entries.append((_MASK, mask, _NO_ID))
        entries.append((_OTHERS, self.others, _NO_ID))
        return _HEAD.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def read_acl(path: str) -> Acl:
    """The list of a file; without one, what its mode says. Raises OSError."""
    mode = os.stat(path).st_mode
    found = Acl(mode >> 6 & 7, mode >> 3 & 7, mode & 7)
    try:
        value = os.getxattr(path, _ATTRIBUTE)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return found
        raise
    for tag, permissions, id in _ENTRY.iter_unpack(value[_HEAD.size :]):
        if tag == _OWNING_GROUP:
            # The group's bits of the mode are the mask's.
            found.owning_group = permissions
        elif tag == _USER:
            found.users[id] = permissions
        elif tag == _GROUP:
            found.groups[id] = permissions
    return found


def write_acl(path: str, acl: Acl) -> None:
    """Give a file a list. Raises KernelError."""
    try:
        os.setxattr(path, _ATTRIBUTE, acl.encode())
    except OSError as error:
        hint = "its file system has no access control lists" if error.errno == errno.EOPNOTSUPP else ""
        raise KernelError(f"set the access control list of {path}", error.errno or 0, hint=hint) from error

"""Who a container runs as: names of users and groups, resolved in the image's own files.

Source: image-spec config.md, "User"; passwd(5), group(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from firkin.errors import ImageError

__all__ = ["Identity", "resolve_user"]

_GREATEST = (1 << 32) - 2  # the last one means "leave it as it is" to the kernel


class Identity(NamedTuple):
    """Ids inside of the container, and the home directory, "" if nobody tells it."""

    uid: int
    gid: int
    additional_gids: tuple[int, ...] = ()
    home: str = ""


def resolve_user(text: str, passwd: str, group: str) -> Identity:
    """The ids of `USER[:GROUP]`, each a name or a number; "" is root.

    Parameters: `passwd` and `group` are the texts of the image's files. A number counts as such also where a user has
    it as a name. Without a group the user's own counts, with all groups that list the user.
    Raises ImageError for names that are not there, and numbers out of range.
    """
    user, colon, group_name = (text or "0").partition(":")
    if not user or (colon and not group_name):
        raise ImageError(f"user {text!r}: is not USER or USER:GROUP")
    entry = _find_user(user, passwd)
    if entry is None:
        if not user.isdecimal():
            raise ImageError(f"user {text!r}: there is no {user!r} in /etc/passwd of the image")
        entry = _Entry("", _number(user, text), 0, "")
    if colon:
        return Identity(entry.uid, _find_group(group_name, group, text), (), entry.home)
    return Identity(entry.uid, entry.gid, tuple(_memberships(entry.name, entry.gid, group)), entry.home)


class _Entry(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


def _find_user(user: str, passwd: str) -> _Entry | None:
    number = int(user) if _is_number(user) else None
    for fields in _lines(passwd, 7):
        if not (_is_number(fields[2]) and _is_number(fields[3])):
            continue
        entry = _Entry(fields[0], int(fields[2]), int(fields[3]), fields[5])
        if entry.uid == number or (number is None and entry.name == user):
            return entry
    return None


def _find_group(name: str, group: str, text: str) -> int:
    if name.isdecimal():
        return _number(name, text)
    for fields in _lines(group, 4):
        if fields[0] == name and _is_number(fields[2]):
            return int(fields[2])
    raise ImageError(f"user {text!r}: there is no {name!r} in /etc/group of the image")


def _memberships(user: str, own: int, group: str) -> Iterator[int]:
    for fields in _lines(group, 4):
        if user and user in fields[3].split(",") and _is_number(fields[2]) and int(fields[2]) != own:
            yield int(fields[2])


def _lines(text: str, fields: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) >= fields and parts[0]:
            yield parts


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= _GREATEST


def _number(number: str, text: str) -> int:
    if not _is_number(number):
        raise ImageError(f"user {text!r}: {number} is not within 0 to {_GREATEST}")
    return int(number)

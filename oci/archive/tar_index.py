"""Where the files of a tar archive lie in it, from its headers alone.

Nothing is unpacked: names are only compared with those that are looked for, and the bytes between the headers are not
read. What is kept of an archive has a bound, whatever is in it.

Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Standard",
"Extensions".
"""

from __future__ import annotations

import os
from typing import NamedTuple

from firkin.errors import ImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_ENTRIES", "Member", "clean_name", "index_of"]

MOST_ENTRIES = 100_000
"""Headers of an archive that are read at most; an image of 100 layers has some 300."""
_MOST_NAME = 255
_MOST_EXTENSION = 64 << 10
_BLOCK = 512
_END = bytes(_BLOCK)
_FILES = frozenset(b"0\x007")
_HARD_LINK, _SYMBOLIC_LINK = b"12"
# Of these the size says nothing, and no data follow.
_WITHOUT_DATA = frozenset(b"123456")
_KEYS = frozenset({"path", "linkpath", "size", "GNU.sparse"})
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK, _SPARSE = b"xgLKS"


class Member(NamedTuple):
    """A file of `size` bytes from `offset` on, or, with a `target`, another name of the file of that name."""

    offset: int
    size: int
    target: str = ""


class _Header(NamedTuple):
    kind: int
    name: str
    link: str
    size: int


def index_of(fd: int, size: int, archive: str) -> dict[str, Member]:
    """The files and links of the archive of `size` bytes that is open as `fd`, by their names; the last one counts.

    `archive` is its name in errors. Raises ImageError for what is no tar archive, is damaged or cut off, or has too
    many entries.
    """
    found: dict[str, Member] = {}
    for header, offset in _Headers(fd, size, archive):
        name = clean_name(header.name)
        if not name or len(name) > _MOST_NAME:
            continue
        # A later entry takes the place of an earlier one, whatever it is.
        found.pop(name, None)
        if header.kind in _FILES:
            found[name] = Member(offset, header.size)
        elif header.kind in (_HARD_LINK, _SYMBOLIC_LINK):
            target = header.link
            if header.kind == _SYMBOLIC_LINK and not target.startswith("/"):
                target = f"{name.rpartition('/')[0]}/{target}"
            # What leads out, or is too long to be the name of a file that is kept here, leads to nothing.
            target = clean_name(target)
            found[name] = Member(0, 0, target if 0 < len(target) <= _MOST_NAME else ".")
    return found


def clean_name(name: str) -> str:
    """A name without empty and `.` components, `..` taken literally; "" if it leads out of the archive."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class _Headers:
    # The headers with where their data begin, extensions already applied.
    def __init__(self, fd: int, size: int, archive: str) -> None:
        self._fd = fd
        self._size = size
        self._archive = archive
        self._offset = 0

    def __iter__(self) -> Iterator[tuple[_Header, int]]:
        extended: dict[str, str] = {}
        for _ in range(MOST_ENTRIES):
            block = self._read(_BLOCK)
            if not block or block == _END:
                return
            header = self._decode(block)
            if header.kind in (_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK):
                extension = self._extension(header)
                # What a global header says of all files is never about where they are.
                extended |= {} if header.kind == _PAX_GLOBAL else extension
                continue
            header = self._extend(header, extended)
            extended = {}
            start = self._offset
            self._skip(header)
            yield header, start
        raise self._error(f"has more than {MOST_ENTRIES} entries")

    def _read(self, length: int) -> bytes:
        data = os.pread(self._fd, length, self._offset)
        if data and len(data) < length:
            raise self._error(f"ends inside of the header at byte {self._offset}")
        self._offset += length
        return data

    def _decode(self, block: bytes) -> _Header:
        wanted = self._number(block[148:156], "checksum")
        blank = block[:148] + b" " * 8 + block[156:]
        # Old programs summed signed bytes.
        if wanted not in (sum(blank), sum(byte - 256 if byte > 127 else byte for byte in blank)):
            raise self._error(f"is no tar archive, or it is damaged: wrong checksum at byte {self._offset - _BLOCK}")
        name = _text(block[:100])
        # GNU tar has other things there.
        if block[257:263] == b"ustar\0" and block[345]:
            name = f"{_text(block[345:500])}/{name}"
        return _Header(block[156], name, _text(block[157:257]), self._number(block[124:136], "size"))

    def _number(self, field: bytes, what: str) -> int:
        if field[0] & 0x80:
            if field[0] == 0x80:
                return int.from_bytes(field[1:], "big")
        else:
            digits = field.strip(b" \0")
            if digits.isdigit() and not digits.strip(b"01234567"):
                return int(digits, 8)
            if not digits:
                return 0
        raise self._error(f"is no tar archive, or it is damaged: no {what} at byte {self._offset - _BLOCK}")

    def _extension(self, header: _Header) -> dict[str, str]:
        if header.size > _MOST_EXTENSION:
            raise self._error(f"has an extended header of {header.size} bytes, more than {_MOST_EXTENSION}")
        start = self._offset
        self._skip(header)
        data = os.pread(self._fd, header.size, start)
        if header.kind == _LONG_NAME:
            return {"path": _text(data)}
        if header.kind == _LONG_LINK:
            return {"linkpath": _text(data)}
        return {key: value for key, value in self._records(data) if key in _KEYS}

    def _records(self, data: bytes) -> Iterator[tuple[str, str]]:
        start = 0
        while start < len(data):
            # `LENGTH KEY=VALUE` and a newline; the length counts itself.
            length = data[start : start + 8].partition(b" ")[0]
            end = start + (int(length) if length.isdigit() else 0)
            key, equals, value = data[start + len(length) + 1 : end].partition(b"=")
            if not (equals and end <= len(data) and value.endswith(b"\n")):
                raise self._error(f"has a damaged extended header before byte {self._offset}")
            name = "GNU.sparse" if key.startswith(b"GNU.sparse.") else key.decode(errors="replace")
            yield name, value[:-1].decode(errors="replace")
            start = end

    def _extend(self, header: _Header, extended: dict[str, str]) -> _Header:
        name = extended.get("path", header.name)
        if header.kind == _SPARSE or "GNU.sparse" in extended:
            raise self._error(f"has the sparse file {name!r}, which is not supported")
        size = header.size
        if (text := extended.get("size")) is not None:
            if not (text.isascii() and text.isdigit() and len(text) < 20):
                raise self._error(f"has a file of {text[:40]!r} bytes")
            size = int(text)
        if header.kind in _WITHOUT_DATA:
            size = 0
        return header._replace(name=name, link=extended.get("linkpath", header.link), size=size)

    def _skip(self, header: _Header) -> None:
        end = self._offset + header.size
        if end > self._size:
            raise self._error(f"ends inside of {header.name[:_MOST_NAME]!r}")
        self._offset = -(-end // _BLOCK) * _BLOCK

    def _error(self, reason: str) -> ImageError:
        return ImageError(f"{self._archive}: {reason}")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")

"""Interface files by name: their values, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from firkin.cgroupfs.controllers import Entry, find
from firkin.errors import CgroupError, CgroupValueError

if TYPE_CHECKING:
    from firkin.cgroupfs import Cgroup
    from firkin.cgroupfs.interface import Controller

__all__ = ["assert_refused", "known", "put", "refusal", "value"]


def known(file: str) -> Entry:
    """The entry of the file in the catalogue."""
    entry = find(file)
    assert entry is not None, f"{file} is not in the catalogue"
    return entry


def value(group: Cgroup, file: str) -> object:
    """The value that the library reads from the file."""
    entry = known(file)
    return entry.file.read(_controller(group, entry))


def put(group: Cgroup, file: str, wanted: object) -> None:
    """Have the library write `wanted` to the file."""
    entry = known(file)
    entry.file.write(_controller(group, entry), wanted)


def assert_refused(group: Cgroup, file: str, text: str) -> None:
    """The library refuses `text` without asking the kernel, which would refuse it too."""
    before = group.read(file) if "r" in known(file).file.access else ""
    with refusal(CgroupValueError, 0) as told:
        put(group, file, text)
    assert told[0].value == text
    assert f"write {text!r} to {group.path}/{file}: " in str(told[0])
    with pytest.raises(CgroupError):
        group.write(file, text)
    assert not before or group.read(file) == before


@contextmanager
def refusal(kind: type[CgroupError], number: int, *words: str) -> Iterator[list[CgroupError]]:
    """The block raises exactly a `kind` with the kernel's answer `number`, and the error's text has the `words`.

    The error is in the list when the block has ended.
    """
    told: list[CgroupError] = []
    with pytest.raises(CgroupError) as raised:
        yield told
    told.append(raised.value)
    assert type(raised.value) is kind, raised.value
    assert raised.value.errno == number, raised.value
    for word in words:
        assert word in str(raised.value)


def _controller(group: Cgroup, entry: Entry) -> Controller:
    return entry.controller(group, entry.subject)

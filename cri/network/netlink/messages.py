"""The message classes of pyroute2, and messages made of them.

Importing the package `pyroute2` loads 233 modules, most of them clients of other subsystems, and takes 13 MiB; its
message classes alone are a fifth of that. So the package's `__init__` is not run for them. Who imports `pyroute2`
later, in the usual way, gets all of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["IS_NESTED", "Attribute", "Message", "encode", "nested", "netlink_classes", "walk"]

Attribute = tuple[str, Any] | tuple[str, Any, int]
"""The kernel's name of an attribute, its value, plain or `nested` attributes, and flags such as `IS_NESTED`."""

IS_NESTED = 0x8000
"""The flag that some attributes want to be read as nested ones."""

_REQUEST = 0x001
_ACK = 0x004
_NESTED_AND_ORDER = 0xC000


class Message(NamedTuple):
    """A request: what it does, for errors, and its bytes, in which the socket fills the sequence number in."""

    what: str
    data: bytes


def netlink_classes(*names: str) -> list[ModuleType]:
    """The modules `pyroute2.netlink.NAME`."""
    paths = [f"pyroute2.netlink.{name}" for name in names]
    spec = None if "pyroute2" in sys.modules else importlib.util.find_spec("pyroute2")
    if spec is None:
        return [importlib.import_module(path) for path in paths]
    sys.modules["pyroute2"] = importlib.util.module_from_spec(spec)
    try:
        return [importlib.import_module(path) for path in paths]
    finally:
        del sys.modules["pyroute2"]


def nested(*attributes: Attribute) -> dict[str, list[Attribute]]:
    """Attributes as the value of another one."""
    return {"attrs": list(attributes)}


def encode(cls: type[Any], kind: int, modifiers: int, *attributes: Attribute, **fields: int) -> bytes:
    """A request whose success is acknowledged.

    Parameters: `cls` is a class of pyroute2, `kind` the type of the message, `modifiers` the flags beside REQUEST
    and ACK, `fields` the members of the family's header.
    """
    message = cls()
    message.update(fields)
    message["attrs"] = list(attributes)
    message["header"]["type"] = kind
    message["header"]["flags"] = _REQUEST | _ACK | modifiers
    message.encode()
    return bytes(message.data)


def walk(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes in an answer, from `offset`: type and payload, which is walked again where it is nested.

    An answer has dozens of attributes, of which one or two are wanted: decoding all takes ten times as long.
    """
    while offset + 4 <= len(data):
        length = int.from_bytes(data[offset : offset + 2], sys.byteorder)
        kind = int.from_bytes(data[offset + 2 : offset + 4], sys.byteorder)
        if length < 4:
            return
        yield kind & ~_NESTED_AND_ORDER, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3

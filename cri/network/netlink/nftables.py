"""Requests of nftables, and the batches in which they take effect together or not at all.

Source: include/uapi/linux/netfilter/nf_tables.h, include/uapi/linux/netfilter/nfnetlink.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from firkin.cri.network.netlink.connection import Connection, Refusal
from firkin.cri.network.netlink.expressions import Expression
from firkin.cri.network.netlink.messages import Attribute, Message, encode, nested, walk
from firkin.cri.network.netlink.nft_messages import Chain, Elements, Rule, Set, Table
from firkin.errors import KernelError

__all__ = [
    "BRIDGE",
    "INET",
    "NFTABLES_NOTICES",
    "Element",
    "Hook",
    "Kind",
    "add_chain",
    "add_elements",
    "add_map",
    "add_rule",
    "add_set",
    "add_table",
    "commit",
    "delete_elements",
    "delete_table",
    "deleted_table",
    "flush_set",
    "get_table",
    "list_dropping_chains",
    "list_elements",
    "try_commit",
]

BRIDGE, INET = 7, 1
"""Families of tables: of what bridges forward, and of IPv4 and IPv6 together, which is meant if nothing is said."""

NFTABLES_NOTICES = 7
"""The multicast group that tells of changes (NFNLGRP_NFTABLES)."""

_SUBSYSTEM = 10
_BEGIN, _END = 0x10, 0x11
_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _NEWRULE, _NEWSET = 0, 1, 2, 3, 4, 6, 9
_NEWSETELEM, _GETSETELEM, _DELSETELEM = 12, 13, 14
_CREATE, _EXCLUSIVE, _APPEND, _DUMP = 0x400, 0x200, 0x800, 0x300
_CONTROL = struct.Struct("=IHHIIBB2s")
_HEADER = 4
_TABLE_NAME, _LIST = 1, 3
_KEY, _DATA, _FLAGS, _USERDATA, _VALUE = 1, 2, 3, 6, 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _HOOK_NUMBER = 1, 3, 4, 5, 1
_POLICY_DROP = bytes(4)
_INTERVAL, _MAP = 0x4, 0x8
_INTERVAL_END = 1
_COMMENT = 0


class Kind(NamedTuple):
    """What a set's keys or a map's values are: nft(8)'s number of the type, and the length in bytes."""

    type: int
    length: int

    def __and__(self, other: Kind) -> Kind:
        """The concatenation `self . other`."""
        return Kind(self.type << 6 | other.type, _padded(self.length) + _padded(other.length))


class Hook(NamedTuple):
    """Where a base chain hooks in: its type, the number of the hook, and the priority."""

    type: str
    number: int
    priority: int


class Element(NamedTuple):
    """An element of a set, or of a map if it has data; `is_end` is the first key after an interval."""

    key: bytes
    data: bytes = b""
    comment: str = ""
    is_end: bool = False


def add_table(name: str, *, family: int = INET) -> Message:
    """Make a table, unless it is there."""
    what = f"make table {name} of nftables"
    return _request(what, Table, _NEWTABLE, ("NFTA_TABLE_NAME", name), flags=_CREATE, family=family)


def delete_table(name: str, *, family: int = INET) -> Message:
    """Delete a table with all in it."""
    return _request(f"delete table {name} of nftables", Table, _DELTABLE, ("NFTA_TABLE_NAME", name), family=family)


def get_table(name: str) -> Message:
    """Ask for a table of the family inet."""
    return _request(f"find table inet {name}", Table, _GETTABLE, ("NFTA_TABLE_NAME", name))


def add_chain(table: str, name: str, hook: Hook | None = None, *, family: int = INET) -> Message:
    """Make a chain, a base chain if it has a hook."""
    attributes: list[Attribute] = [("NFTA_CHAIN_TABLE", table), ("NFTA_CHAIN_NAME", name)]
    if hook:
        place = nested(("NFTA_HOOK_HOOKNUM", hook.number), ("NFTA_HOOK_PRIORITY", hook.priority))
        attributes += [("NFTA_CHAIN_HOOK", place), ("NFTA_CHAIN_TYPE", hook.type)]
    return _request(f"make chain {table} {name}", Chain, _NEWCHAIN, *attributes, flags=_CREATE, family=family)


def list_dropping_chains(connection: Connection, number: int) -> list[str]:
    """The base chains at the hook of that number, in all tables, whose policy is to drop, as `TABLE CHAIN`.

    Raises KernelError.
    """
    message = _request("list chains of nftables", Chain, _GETCHAIN, flags=_DUMP, family=0)
    found = []
    for _, body in connection.ask(message):
        chain = dict(walk(body, _HEADER))
        hook = dict(walk(chain.get(_CHAIN_HOOK, b"")))
        if hook.get(_HOOK_NUMBER) == number.to_bytes(4, "big") and chain.get(_CHAIN_POLICY) == _POLICY_DROP:
            found.append(f"{_text(chain[_CHAIN_TABLE])} {_text(chain[_CHAIN_NAME])}")
    return found


def add_rule(table: str, chain: str, expressions: Sequence[Expression], *, family: int = INET) -> Message:
    """Add a rule to the end of a chain."""
    rule: list[Attribute] = [("NFTA_RULE_TABLE", table), ("NFTA_RULE_CHAIN", chain)]
    rule.append(("NFTA_RULE_EXPRESSIONS", expressions))
    return _request(f"add a rule to {table} {chain}", Rule, _NEWRULE, *rule, flags=_CREATE | _APPEND, family=family)


def add_set(table: str, name: str, key: Kind, number: int) -> Message:
    """Make a set of intervals. `number` is one that no other set has in the batch."""
    return _set(table, name, key, number, ("NFTA_SET_FLAGS", _INTERVAL))


def add_map(table: str, name: str, key: Kind, data: Kind, number: int) -> Message:
    """Make a map of single keys. `number` is one that no other set has in the batch."""
    values: list[Attribute] = [("NFTA_SET_DATA_TYPE", data.type), ("NFTA_SET_DATA_LEN", data.length)]
    return _set(table, name, key, number, ("NFTA_SET_FLAGS", _MAP), *values)


def flush_set(table: str, name: str) -> Message:
    """Delete all elements of a set or map."""
    attributes: list[Attribute] = [("NFTA_SET_ELEM_LIST_TABLE", table), ("NFTA_SET_ELEM_LIST_SET", name)]
    return _request(f"empty set {table} {name}", Elements, _DELSETELEM, *attributes)


def add_elements(table: str, name: str, elements: Iterable[Element]) -> Message:
    """Add elements; one whose key is there already is an error (EEXIST)."""
    return _elements(f"add to set {table} {name}", _NEWSETELEM, table, name, elements, _CREATE | _EXCLUSIVE)


def delete_elements(table: str, name: str, elements: Iterable[Element]) -> Message:
    """Delete elements; one that is not there is an error (ENOENT)."""
    return _elements(f"take from set {table} {name}", _DELSETELEM, table, name, elements, 0)


def list_elements(connection: Connection, table: str, name: str) -> list[Element]:
    """The elements of a set or map. Raises KernelError (ENOENT) if there is none."""
    attributes: list[Attribute] = [("NFTA_SET_ELEM_LIST_TABLE", table), ("NFTA_SET_ELEM_LIST_SET", name)]
    message = _request(f"list set {table} {name}", Elements, _GETSETELEM, *attributes, flags=_DUMP)
    found = []
    for _, body in connection.ask(message):
        for kind, elements in walk(body, _HEADER):
            found += [_decode(payload) for _, payload in walk(elements)] if kind == _LIST else []
    return found


def try_commit(connection: Connection, messages: Sequence[Message]) -> list[Refusal]:
    """Send requests as a batch and tell which were refused: if there is one, nothing was done."""
    batch = [_control("begin a batch of nftables", _BEGIN), *messages, _control("end a batch of nftables", _END)]
    return [replace(refusal, index=refusal.index - 1) for refusal in connection.send(batch)]


def commit(connection: Connection, messages: Sequence[Message]) -> None:
    """Send requests as a batch. Raises KernelError for the first that was refused; then nothing was done."""
    for refusal in try_commit(connection, messages):
        inside = 0 <= refusal.index < len(messages)
        what = messages[refusal.index].what if inside else "change nftables"
        raise KernelError(what, refusal.errno, hint=refusal.text)


def deleted_table(kind: int, body: bytes) -> str | None:
    """The name of the table of the family inet that a notice says is deleted, None if it says something else."""
    if kind != _SUBSYSTEM << 8 | _DELTABLE or body[0] != INET:
        return None
    return next((_text(payload) for attribute, payload in walk(body, _HEADER) if attribute == _TABLE_NAME), None)


def _set(table: str, name: str, key: Kind, number: int, *attributes: Attribute) -> Message:
    named: list[Attribute] = [("NFTA_SET_TABLE", table), ("NFTA_SET_NAME", name), *attributes]
    named += [("NFTA_SET_KEY_TYPE", key.type), ("NFTA_SET_KEY_LEN", key.length), ("NFTA_SET_ID", number)]
    return _request(f"make set {table} {name}", Set, _NEWSET, *named, flags=_CREATE)


def _elements(what: str, kind: int, table: str, name: str, elements: Iterable[Element], flags: int) -> Message:
    attributes: list[Attribute] = [("NFTA_SET_ELEM_LIST_TABLE", table), ("NFTA_SET_ELEM_LIST_SET", name)]
    attributes.append(("NFTA_SET_ELEM_LIST_ELEMENTS", [_encode(element) for element in elements]))
    return _request(what, Elements, kind, *attributes, flags=flags)


def _encode(element: Element) -> dict[str, list[Attribute]]:
    attributes: list[Attribute] = [("NFTA_SET_ELEM_KEY", nested(("NFTA_DATA_VALUE", element.key)))]
    if element.data:
        attributes.append(("NFTA_SET_ELEM_DATA", nested(("NFTA_DATA_VALUE", element.data))))
    if element.is_end:
        attributes.append(("NFTA_SET_ELEM_FLAGS", _INTERVAL_END))
    if element.comment:
        comment = element.comment.encode() + b"\0"
        attributes.append(("NFTA_SET_ELEM_USERDATA", bytes([_COMMENT, len(comment)]) + comment))
    return nested(*attributes)


def _decode(body: bytes) -> Element:
    found = dict(walk(body))
    key, data = (dict(walk(found.get(kind, b""))).get(_VALUE, b"") for kind in (_KEY, _DATA))
    flags = int.from_bytes(found.get(_FLAGS, b""), "big")
    comment = found.get(_USERDATA, b"")
    text = _text(comment[2 : 2 + comment[1]]) if len(comment) > 2 and comment[0] == _COMMENT else ""
    return Element(key, data, text, bool(flags & _INTERVAL_END))


def _request(what: str, cls: type, kind: int, *attributes: Attribute, flags: int = 0, family: int = INET) -> Message:
    return Message(what, encode(cls, _SUBSYSTEM << 8 | kind, flags, *attributes, nfgen_family=family))


def _control(what: str, kind: int) -> Message:
    subsystem = _SUBSYSTEM.to_bytes(2, "big")
    return Message(what, _CONTROL.pack(_CONTROL.size, kind, 1, 0, 0, 0, 0, subsystem))


def _text(payload: bytes) -> str:
    return payload.rstrip(b"\0").decode(errors="replace")


def _padded(length: int) -> int:
    return length + 3 & ~3

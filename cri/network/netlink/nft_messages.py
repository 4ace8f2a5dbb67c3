"""The attributes of nftables that firkin uses, as message classes.

Those of pyroute2 0.9 can not encode the flags of elements, nor `fib`, so these are made of its building blocks.
Source: include/uapi/linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from typing import Any

from firkin.cri.network.netlink.messages import netlink_classes

__all__ = ["Batch", "Chain", "Elements", "Rule", "Set", "Table"]

_netlink, _nfnetlink = netlink_classes("rtnl", "nfnetlink")
_nla = netlink_classes("nfnetlink.nftsocket")[0].nla

Batch: type[Any] = _nfnetlink.nfgen_msg
"""The header alone: the begin and the end of a batch, and requests without attributes."""


def _of(base: type[Any], prefix: str, fields: str, **nested: object) -> type[Any]:
    # `fields` are NAME:TYPE in the order of the kernel's numbers, which begin at 1; a TYPE may be one of `nested`.
    pairs = [field.split(":") for field in fields.split()]
    names = [("UNSPEC", "none"), *pairs]
    table = tuple((f"NFTA_{prefix}_{name}", kind) for name, kind in names)
    return type(prefix.title(), (base,), {"nla_map": table, **nested})


_verdict = _of(_nla, "VERDICT", "CODE:sbe32 CHAIN:asciiz")
_data = _of(_nla, "DATA", "VALUE:cdata VERDICT:verdict", verdict=_verdict)
_hook = _of(_nla, "HOOK", "HOOKNUM:be32 PRIORITY:sbe32")
_element = _of(
    _nla,
    "SET_ELEM",
    "KEY:content DATA:content FLAGS:be32 TIMEOUT:be64 EXPIRATION:be64 USERDATA:cdata",
    content=_data,
)
_expressions = {
    "bitwise": _of(_nla, "BITWISE", "SREG:be32 DREG:be32 LEN:be32 MASK:content XOR:content", content=_data),
    "cmp": _of(_nla, "CMP", "SREG:be32 OP:be32 DATA:content", content=_data),
    "ct": _of(_nla, "CT", "DREG:be32 KEY:be32"),
    "fib": _of(_nla, "FIB", "DREG:be32 RESULT:be32 FLAGS:be32"),
    "immediate": _of(_nla, "IMMEDIATE", "DREG:be32 DATA:content", content=_data),
    "lookup": _of(_nla, "LOOKUP", "SET:asciiz SREG:be32 DREG:be32 SET_ID:be32 FLAGS:be32"),
    "masq": _of(_nla, "MASQ", "FLAGS:be32"),
    "meta": _of(_nla, "META", "DREG:be32 KEY:be32"),
    "nat": _of(
        _nla, "NAT", "TYPE:be32 FAMILY:be32 REG_ADDR_MIN:be32 REG_ADDR_MAX:be32 REG_PROTO_MIN:be32 REG_PROTO_MAX:be32"
    ),
    "payload": _of(_nla, "PAYLOAD", "DREG:be32 BASE:be32 OFFSET:be32 LEN:be32"),
}


def _kind_of_expression(expression: Any, **_arguments: object) -> type[Any]:
    return _expressions[expression.get_attr("NFTA_EXPR_NAME")]


_expression = _of(_nla, "EXPR", "NAME:asciiz DATA:kind", kind=staticmethod(_kind_of_expression))
# A list of expressions, whose entries are all of the type NFTA_LIST_ELEM.
_expression.header_type = 1

Table = _of(Batch, "TABLE", "NAME:asciiz FLAGS:be32")
Chain = _of(
    Batch,
    "CHAIN",
    "TABLE:asciiz HANDLE:be64 NAME:asciiz HOOK:hook POLICY:be32 USE:be32 TYPE:asciiz",
    hook=_hook,
)
Rule = _of(Batch, "RULE", "TABLE:asciiz CHAIN:asciiz HANDLE:be64 EXPRESSIONS:*expression", expression=_expression)
Set = _of(
    Batch,
    "SET",
    "TABLE:asciiz NAME:asciiz FLAGS:be32 KEY_TYPE:be32 KEY_LEN:be32 DATA_TYPE:be32 DATA_LEN:be32 POLICY:be32 "
    "DESC:cdata ID:be32",
)
Elements = _of(Batch, "SET_ELEM_LIST", "TABLE:asciiz SET:asciiz ELEMENTS:*element SET_ID:be32", element=_element)

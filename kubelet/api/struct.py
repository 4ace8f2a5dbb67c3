"""How objects of the Kubernetes API are written: frozen structures, whose fields have other names on the wire."""

from __future__ import annotations

import msgspec

__all__ = ["Object", "always", "wire_name"]

_WORDS = {
    "cidr": "CIDR", "cidrs": "CIDRs", "fqdn": "FQDN", "gid": "GID", "id": "ID", "ip": "IP", "ips": "IPs", "ipc": "IPC",
    "pid": "PID", "url": "URL", "uuid": "UUID",
}  # fmt: skip
# Those that follow no rule.
_NAMES = {
    "continue_": "continue",
    "scale_io": "scaleIO",
    "downward_api": "downwardAPI",
    "from_": "from",
    "set_hostname_as_fqdn": "setHostnameAsFQDN",
}


def wire_name(field: str) -> str:
    """The name of a field in JSON: `host_ip` is hostIP, `run_as_user` is runAsUser (Kubernetes API conventions)."""
    if field in _NAMES:
        return _NAMES[field]
    first, *others = field.split("_")
    return first + "".join(_WORDS.get(word, word.capitalize()) for word in others)


class Object(msgspec.Struct, rename=wire_name, omit_defaults=True, frozen=True, kw_only=True):
    """Base of all objects. A field that is None, "" or empty was not given, and is not written."""


def always(value: str) -> str:
    """The default of a field that is written all the same, such as a kind."""
    return msgspec.field(default_factory=lambda: value)

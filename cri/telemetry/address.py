"""Where the endpoint is: `unix:PATH`, or an address of this machine's own and a port."""

from __future__ import annotations

import ipaddress

__all__ = ["parse_address"]

_UNIX = "unix:"


def parse_address(text: str) -> tuple[str, int]:
    """The path and 0, or the IP address and the port. Raises ValueError with what is wrong.

    The endpoint asks nobody who he is, so that it is for this machine alone.
    """
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX).removeprefix("//")
        if not path.startswith("/"):
            raise ValueError(f"{text!r} has no absolute path")
        return path, 0
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is neither unix:PATH nor ADDRESS:PORT")
    address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    if not address.is_loopback:
        raise ValueError(f"{address} is not a loopback address")
    return str(address), int(port)

"""Settings of the kernel's network, /proc/sys/net, of the network namespace that the calling thread is in.

Source: Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

import errno
import os

from firkin.errors import KernelError

__all__ = ["change", "forward", "has_ipv6", "settle_bridge", "settle_pod", "settle_port"]

_NET = "/proc/sys/net"


def has_ipv6() -> bool:
    """Whether the kernel speaks IPv6."""
    return os.path.isdir(f"{_NET}/ipv6")


def forward(version: int) -> list[str]:
    """Let this host forward packets: what was changed, as `name = value`.

    A host that forwards IPv6 does not listen to routers any more, by which it may have its own address and default
    route; where it did, it goes on (accept_ra 2). Raises KernelError.
    """
    if version == 4:
        return _said(change("ipv4/ip_forward", "1"), "ipv4/ip_forward", "1")
    if _read("ipv6/conf/all/forwarding") != "0":
        return []
    said = []
    for link in os.listdir(f"{_NET}/ipv6/conf"):
        name = f"ipv6/conf/{link}/accept_ra"
        if link not in ("all", "default", "lo") and _read(name) == "1":
            said += _said(change(name, "2"), name, "2")
    return said + _said(change("ipv6/conf/all/forwarding", "1"), "ipv6/conf/all/forwarding", "1")


def settle_bridge(name: str) -> None:
    """What the bridge needs: see below. Raises KernelError."""
    # Connections of the host to 127.0.0.1 are led to pods with that source until the masquerade; nftables drops what
    # comes from pods for 127.0.0.0/8.
    change(f"ipv4/conf/{name}/route_localnet", "1")
    if has_ipv6():
        # Pods do not tell the host its routes.
        change(f"ipv6/conf/{name}/accept_ra", "0")
        change(f"ipv6/conf/{name}/disable_ipv6", "0")
        # Its link-local address is given to it as the others are.
        change(f"ipv6/conf/{name}/addr_gen_mode", "1")


def settle_port(name: str) -> None:
    """What the host's half of a pair needs, before it is up. Raises KernelError."""
    if has_ipv6():
        # A port needs no address; it would look for duplicates, for routers and for listeners, in the pod.
        _write(f"ipv6/conf/{name}/disable_ipv6", "1")


def settle_pod(name: str, *, wants_ipv6: bool) -> None:
    """What the link of a pod needs, before it is up. Raises KernelError."""
    if not has_ipv6():
        return
    # Addresses are given once, so there is no duplicate to wait a second for; other pods do not tell this one its
    # routes.
    _write(f"ipv6/conf/{name}/accept_dad", "0")
    _write(f"ipv6/conf/{name}/accept_ra", "0")
    if wants_ipv6:
        _write(f"ipv6/conf/{name}/disable_ipv6", "0")


def change(name: str, value: str) -> bool:
    """Write a setting unless it has that value: whether it was written. Raises KernelError."""
    if _read(name) == value:
        return False
    _write(name, value)
    return True


def _write(name: str, value: str) -> None:
    try:
        fd = os.open(f"{_NET}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise _failed(f"set net.{_dotted(name)} to {value}", error) from None


def _read(name: str) -> str:
    try:
        fd = os.open(f"{_NET}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(fd, 64).strip().decode()
        finally:
            os.close(fd)
    except OSError as error:
        raise _failed(f"read net.{_dotted(name)}", error) from None


def _said(is_changed: bool, name: str, value: str) -> list[str]:
    return [f"net.{_dotted(name)} = {value}"] if is_changed else []


def _dotted(name: str) -> str:
    # As sysctl(8): dots in a link's name become slashes.
    return "/".join(part.replace(".", "\0") for part in name.split("/")).replace("/", ".").replace("\0", "/")


def _failed(what: str, error: OSError) -> KernelError:
    hint = "/proc/sys is read-only here" if error.errno == errno.EROFS else ""
    return KernelError(what, error.errno or 0, hint=hint)

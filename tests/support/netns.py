"""A little internet in network namespaces: a host, pods, and an outside that knows the way to the host alone.

The thread that makes it is in the host's namespace until it ends, so the machine's own network is never touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.waiting import SECONDS

__all__ = ["HOST", "OUTSIDE", "Namespace", "World", "exchange", "listener", "world"]

HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
OUTSIDE = {4: "192.0.2.2", 6: "2001:db8::2"}

_CLONE_NEWNET = 0x4000_0000
_MS_BIND, _MNT_DETACH = 0x1000, 2

_libc = ctypes.CDLL(None, use_errno=True)


def _succeed(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class Namespace:
    """A new network namespace, pinned at `path`; its loopback link is as the kernel makes it: down."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        path.touch()
        try:
            _succeed(_libc.unshare(_CLONE_NEWNET), "unshare")
            try:
                source = b"/proc/thread-self/ns/net"
                _succeed(_libc.mount(source, self.path.encode(), None, _MS_BIND, None), "mount")
            finally:
                _succeed(_libc.setns(home, _CLONE_NEWNET), "setns")
        finally:
            os.close(home)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it; sockets stay in the namespace that they are made in."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            _succeed(_libc.setns(there, _CLONE_NEWNET), "setns")
            yield
        finally:
            _succeed(_libc.setns(home, _CLONE_NEWNET), "setns")
            os.close(home)
            os.close(there)

    def run(self, command: str) -> str:
        """The output of a shell command in it."""
        with self.entered():
            return run(command)

    def unpin(self) -> None:
        """Let go of it."""
        _libc.umount2(self.path.encode(), _MNT_DETACH)


class World:
    """The host that the thread is in, and what is around it."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made: list[Namespace] = []
        run("ip link set lo up")
        self.outside = self.namespace("outside")
        run(f"ip link add uplink type veth peer name uplink netns {self.outside.path}")
        for where, addresses in ((None, HOST), (self.outside, OUTSIDE)):
            with where.entered() if where else contextlib.nullcontext():
                # Neighbours are asked for from the link-local address, which would be tentative for two seconds.
                run("ip link set lo up; echo 0 > /proc/sys/net/ipv6/conf/uplink/accept_dad; ip link set uplink up")
                run(f"ip addr add {addresses[4]}/24 dev uplink; ip addr add {addresses[6]}/64 dev uplink nodad")
        run(f"ip route add default via {OUTSIDE[4]}; ip route add default via {OUTSIDE[6]}")
        for side in (run, self.outside.run):
            # Until the kernel has seen the carrier, what is sent is lost, and sent again a second later.
            side("until ip -o link show uplink | grep -q 'state UP'; do :; done")

    def namespace(self, name: str) -> Namespace:
        """A new namespace."""
        made = Namespace(self._place / name)
        self._made.append(made)
        return made

    def close(self) -> None:
        """Let go of all namespaces."""
        for made in self._made:
            made.unpin()


@contextlib.contextmanager
def world(place: Path) -> Iterator[World]:
    """Put the calling thread into a new host's namespace, with an outside, and back at the end."""
    place.mkdir(parents=True, exist_ok=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    _succeed(_libc.unshare(_CLONE_NEWNET), "unshare")
    try:
        made = World(place)
        try:
            yield made
        finally:
            made.close()
    finally:
        _succeed(_libc.setns(home, _CLONE_NEWNET), "setns")
        os.close(home)


def run(command: str) -> str:
    """The output of a shell command, which must succeed."""
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout


def listener(where: Namespace | None, address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket at an address, in a namespace or on the host."""
    made = _socket(where, address, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def exchange(
    client: Namespace | None,
    target: tuple[str, int],
    server: Namespace | None,
    place: tuple[str, int],
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> str:
    """The address that a server at `place` sees when the client talks to `target` and is answered.

    Raises OSError if they do not find each other.
    """
    with listener(server, *place, kind) as listening, _socket(client, target[0], kind) as calling:
        calling.connect(target)
        calling.sendall(b"ping")
        if kind == socket.SOCK_STREAM:
            connection, peer = listening.accept()
            with connection:
                connection.settimeout(SECONDS)
                assert connection.recv(4) == b"ping"
                connection.sendall(b"pong")
                assert calling.recv(4) == b"pong"
        else:
            data, peer = listening.recvfrom(4)
            assert data == b"ping"
            listening.sendto(b"pong", peer)
            assert calling.recv(4) == b"pong"
        return str(peer[0])


def _socket(where: Namespace | None, address: str, kind: socket.SocketKind) -> socket.socket:
    with where.entered() if where else contextlib.nullcontext():
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    made.settimeout(SECONDS)
    return made

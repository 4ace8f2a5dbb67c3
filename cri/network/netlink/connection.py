"""A netlink socket: many requests in one system call, and the kernel's answers with its own words.

Requests are handled while they are sent: when sendmsg(2) returns, all acknowledgements are there to be read.
Source: Documentation/userspace-api/netlink/intro.rst.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from firkin.cri.network.netlink.messages import Message, walk
from firkin.errors import KernelError

__all__ = ["Connection", "Refusal"]

_HEADER = struct.Struct("=IHHII")
_TAIL = struct.Struct("=II")
_NUMBER = struct.Struct("=i")
_ERROR, _DONE = 2, 3
_ACK, _DUMP_INTERRUPTED, _DUMP = 0x004, 0x010, 0x300
_CAPPED, _EXPLAINED = 0x100, 0x200
_SOL_NETLINK = 270
_ADD_MEMBERSHIP, _CAP_ACK, _EXT_ACK, _STRICT = 1, 10, 11, 12
_EXPLANATION = 1
_SO_SNDBUFFORCE = 32
_MOST = 1 << 24
_ROOM = 1 << 18
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the kernel did not do: its place among those sent, the errno, and the kernel's explanation."""

    index: int
    errno: int
    text: str


class Connection:
    """A socket of the netlink family `family`, in the network namespace of the thread that makes it.

    One thread uses it at a time. `groups` are the multicast groups whose notices `notices` gives.
    Raises OSError if there is no such family.
    """

    def __init__(self, family: int, *groups: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self._sequence = 0
        self._socket.bind((0, 0))
        # A batch for all pods is larger than what a socket may send at once by default.
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _MOST)
        for option in (_CAP_ACK, _EXT_ACK, _STRICT):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """The socket's descriptor, readable when there are notices."""
        return self._socket.fileno()

    def send(self, messages: Sequence[Message]) -> list[Refusal]:
        """Send requests, in this order, and tell which were refused; those after a refused one are tried too.

        Raises KernelError if the kernel does not answer one of them.
        """
        first = self._send(messages)
        silent = {at for at, message in enumerate(messages) if _flags(message) & _ACK}
        refusals = []
        for kind, flags, index, body in self._answers(first):
            if kind == _ERROR and 0 <= index < len(messages):
                silent.discard(index)
                if number := -_NUMBER.unpack_from(body)[0]:
                    refusals.append(Refusal(index, number, _explanation(body, flags)))
        if silent and not refusals:
            raise KernelError(messages[min(silent)].what, errno.ENOBUFS)
        return sorted(refusals, key=lambda refusal: refusal.index)

    def do(self, *messages: Message, ignore: Collection[int] = ()) -> None:
        """Send requests. Raises KernelError for the first that is refused with an errno not in `ignore`."""
        for refusal in self.send(messages):
            if refusal.errno not in ignore:
                raise KernelError(messages[refusal.index].what, refusal.errno, hint=refusal.text)

    def ask(self, message: Message) -> list[tuple[int, bytes]]:
        """The type and body of each answer to one request for data, which may be a dump.

        Raises KernelError if it is refused, or if what is listed changes all the time.
        """
        for _ in range(_TRIES):
            found = self._ask(message)
            if found is not None:
                return found
        raise KernelError(message.what, errno.EINTR)

    def notices(self) -> Iterator[tuple[int, bytes]]:
        """The type and body of each notice that has come. Raises OSError (ENOBUFS) if some were lost."""
        for kind, _, _, body in self._answers(0):
            yield kind, body

    def _ask(self, message: Message) -> list[tuple[int, bytes]] | None:
        first = self._send([message])
        is_dump = _flags(message) & _DUMP == _DUMP
        found: list[tuple[int, bytes]] = []
        is_whole = True
        while True:
            for kind, flags, index, body in self._answers(first, wait=True):
                if index:
                    continue
                is_whole = is_whole and not flags & _DUMP_INTERRUPTED
                if kind in (_ERROR, _DONE) and len(body) >= 4 and (number := -_NUMBER.unpack_from(body)[0]):
                    raise KernelError(message.what, number, hint=_explanation(body, flags))
                if kind == _DONE or (kind == _ERROR and not is_dump):
                    return found if is_whole else None
                if kind > _DONE:
                    found.append((kind, body))

    def _send(self, messages: Sequence[Message]) -> int:
        first = self._sequence + 1
        self._sequence = (self._sequence + len(messages)) & 0x7FFF_FFFF
        packet = bytearray()
        for at, message in enumerate(messages):
            start = len(packet)
            packet += message.data
            packet += bytes(-len(message.data) % 4)
            _TAIL.pack_into(packet, start + 8, first + at, 0)
        self._socket.sendall(packet)
        return first

    def _answers(self, first: int, *, wait: bool = False) -> Iterator[tuple[int, int, int, bytes]]:
        # Type, flags, place of the request, and body of what has come; with `wait` at least of one packet.
        flags = 0 if wait else socket.MSG_DONTWAIT
        while True:
            try:
                packet = self._socket.recv(_ROOM, flags)
            except BlockingIOError:
                return
            offset = 0
            while offset + _HEADER.size <= len(packet):
                length, kind, mark, sequence, _ = _HEADER.unpack_from(packet, offset)
                yield kind, mark, sequence - first, packet[offset + _HEADER.size : offset + length]
                offset += max(length + 3 & ~3, _HEADER.size)
            if wait:
                return


def _flags(message: Message) -> int:
    return int.from_bytes(message.data[6:8], sys.byteorder)


def _explanation(body: bytes, flags: int) -> str:
    # struct nlmsgerr: the errno, then the header of the request, or all of it unless it was capped.
    if not flags & _EXPLAINED:
        return ""
    request = _HEADER.size if flags & _CAPPED else _HEADER.unpack_from(body, 4)[0]
    for kind, payload in walk(body, 4 + (request + 3 & ~3)):
        if kind == _EXPLANATION:
            return payload.rstrip(b"\0").decode(errors="replace")
    return ""

"""Talking with CRIU: one process of it serves one request over a socket (criu(8), "swrk")."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from typing import Self

from firkin.errors import FirkinError, UnsupportedError
from firkin.runtime.checkpoint.messages import NOTIFY, Fields, Notification, Response, acknowledgement, request

__all__ = ["ENVIRONMENT", "Listener", "Service", "find_criu", "why"]

Listener = Callable[[Notification, int], None]
"""Takes a notification and a descriptor that came with it, -1 for none, which is closed afterwards."""

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""What CRIU finds in its environment: it runs ip, iptables and tar."""

_LARGEST = 1 << 16
_LARGEST_LOG = 64 << 20
_PROBES = ("criu/tun.c", "criu/kerndat.c")
"""What looks at the kernel before anything else, and calls an error what only is not there."""


def find_criu() -> str:
    """The path of the program. Raises UnsupportedError if it is not installed."""
    path = shutil.which("criu", path=ENVIRONMENT["PATH"])
    if path is None:
        reason = "the program criu is not installed: it writes and reads checkpoints"
        raise UnsupportedError("", reason, document="checkpoint", hint="install the package criu")
    return path


class Service:
    """A connection to one CRIU, whose process has the `theirs` end of the socket; a context manager."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
        self.theirs.close()

    def close(self) -> None:
        """Hang up: a CRIU that waits for a request ends."""
        self._ours.close()

    def call(self, kind: int, options: Fields, listener: Listener) -> Response:
        """Send the request, once a process has the other end, and hear it out; the answer, which may be a failure.

        An exception of `listener` makes CRIU give up, and is raised again when it has. Raises FirkinError if CRIU dies.
        """
        self.theirs.close()
        failure: Exception | None = None
        try:
            self._send(request(kind, options))
            while True:
                response, descriptor = self._receive()
                if response.kind != NOTIFY:
                    break
                try:
                    listener(response.notification, descriptor)
                except Exception as error:
                    failure = failure or error
                finally:
                    if descriptor >= 0:
                        os.close(descriptor)
                self._send(acknowledgement(success=failure is None))
        except OSError as error:
            raise failure or FirkinError(f"CRIU: it ended without an answer ({error.strerror})") from error
        if failure:
            raise failure
        return response

    def _send(self, message: bytes) -> None:
        # This process is not to die of a CRIU that did.
        self._ours.send(message, socket.MSG_NOSIGNAL)

    def _receive(self) -> tuple[Response, int]:
        data, descriptors, _, _ = socket.recv_fds(self._ours, _LARGEST, 1, socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise OSError(0, "end of the connection")
        return Response(data), descriptors[0] if descriptors else -1


def why(what: str, response: Response, log: str) -> FirkinError:
    """The error that a failed answer stands for, in the words of CRIU's log at the path `log`.

    Parameters: `what` is what was tried.
    """
    reason = _first_error(log) or response.reason or os.strerror(response.errno) or "no reason given"
    return FirkinError(f"{what}: CRIU: {reason}", hint=f"all that it did is in {log}")


def _first_error(log: str) -> str:
    # What failed comes first, then each caller says so in turn.
    probes = ""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            for line in file.read(_LARGEST_LOG).splitlines():
                _, mark, text = line.partition("Error (")
                place, _, text = text.partition("): ")
                if mark and not place.startswith(_PROBES):
                    return text.strip()
                probes = probes or text.strip()
    except OSError:
        return ""
    return probes

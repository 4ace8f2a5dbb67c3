"""What a client may ask for over a connection of its own, once the CRI server has given it a token."""

from __future__ import annotations

from dataclasses import dataclass

from firkin.cri.streaming.command import Wanted
from firkin.cri.streaming.forward_websocket import MOST_PORTS
from firkin.errors import ConfigError

__all__ = ["AttachRequest", "ExecRequest", "ForwardRequest", "StreamRequest"]


@dataclass(frozen=True)
class ExecRequest:
    """Run `command` in the container with the id `container`."""

    container: str
    command: tuple[str, ...]
    wanted: Wanted
    path = "exec"

    def check(self) -> None:
        """Raises ConfigError, with the field of the CRI message, for a request that can not be met."""
        _check_id("container_id", self.container)
        if not self.command:
            _refuse("cmd", "is empty")
        _check_streams(self.wanted)


@dataclass(frozen=True)
class AttachRequest:
    """Take part in the streams of the container with the id `container`."""

    container: str
    wanted: Wanted
    path = "attach"

    def check(self) -> None:
        """Raises ConfigError, with the field of the CRI message, for a request that can not be met."""
        _check_id("container_id", self.container)
        _check_streams(self.wanted)


@dataclass(frozen=True)
class ForwardRequest:
    """Connect to ports of the sandbox with the id `sandbox`.

    Only clients of WebSocket without tunnel are bound to `ports`; the others name the port of each connection.
    """

    sandbox: str
    ports: tuple[int, ...] = ()
    path = "portforward"

    def check(self) -> None:
        """Raises ConfigError, with the field of the CRI message, for a request that can not be met."""
        _check_id("pod_sandbox_id", self.sandbox)
        if len(self.ports) > MOST_PORTS:
            _refuse("port", f"names more than {MOST_PORTS} ports")
        for index, port in enumerate(self.ports):
            if not 1 <= port <= 65535:
                _refuse(f"port[{index}]", f"{port} is no port")


StreamRequest = ExecRequest | AttachRequest | ForwardRequest


def _check_id(name: str, value: str) -> None:
    if not value:
        _refuse(name, "is empty")


def _check_streams(wanted: Wanted) -> None:
    if wanted.tty and wanted.stderr:
        _refuse("stderr", "a terminal has no standard error of its own")
    if not wanted.streams():
        _refuse("", "none of stdin, stdout and stderr is asked for")


def _refuse(name: str, reason: str) -> None:
    raise ConfigError(name, reason, document="request")

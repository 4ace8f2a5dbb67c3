"""A program in a container, with the streams of this process: over WebSocket, v5.channel.k8s.io or v4."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Subprotocol

from firkin.kubelet.client.agent import AgentError

__all__ = ["execute"]

_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE = range(5)
_END_INPUT = bytes([255, _STDIN])
_PROTOCOLS = [Subprotocol("v5.channel.k8s.io"), Subprotocol("v4.channel.k8s.io")]
_PIECE = 1 << 14
_UNENDING = (
    "warning: this runtime can not be told over WebSocket that the input has ended (kubectl exec can, over SPDY)\n"
)


def execute(
    socket: str, pod: str, container: str, command: Sequence[str], *, has_input: bool, wants_terminal: bool
) -> int:
    """Run a program; returns its exit code.

    Parameters: `socket` is the agent's, `pod` the path of the pod in its API. Raises AgentError.
    """
    is_terminal = has_input and os.isatty(0)
    if wants_terminal and not is_terminal:
        sys.stderr.write("Unable to use a TTY - input is not a terminal or the right kind of file\n")
    has_terminal = wants_terminal and is_terminal
    query = [("container", container), *(("command", word) for word in command), ("stdout", "true")]
    query += [("stdin", "true")] * has_input + [("tty", "true") if has_terminal else ("stderr", "true")]
    with _raw() if has_terminal else contextlib.nullcontext():
        status = asyncio.run(_talk(socket, f"{pod}/exec?{urlencode(query)}", has_input, has_terminal))
    return _exit_code(status)


async def _talk(socket: str, target: str, has_input: bool, has_terminal: bool) -> bytes:
    # What was said of the end of the program.
    try:
        connection = await unix_connect(
            socket, f"ws://agent{target}", subprotocols=_PROTOCOLS, max_size=None, compression=None, ping_interval=None
        )
    except (OSError, InvalidHandshake) as error:
        raise AgentError(f"unable to upgrade connection: {error}") from error
    # Nobody waits for what is typed once the program has ended.
    sending = asyncio.create_task(_send_input(connection)) if has_input else None
    try:
        with _resizing(connection) if has_terminal else contextlib.nullcontext():
            return await _receive(connection)
    except WebSocketException as error:
        raise AgentError(f"the stream was cut off: {error}") from error
    finally:
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        await connection.close()


async def _receive(connection: ClientConnection) -> bytes:
    status = b""
    async for message in connection:
        data = message if isinstance(message, bytes) else message.encode()
        channel, data = data[0], data[1:]
        if channel in (_STDOUT, _STDERR):
            _write(channel, data)
        elif channel == _ERROR:
            status += data
    return status


def _exit_code(status: bytes) -> int:
    if not status:
        raise AgentError("the stream ended before the program did")
    said = json.loads(status)
    if said.get("status") == "Success":
        return 0
    causes = said.get("details", {}).get("causes", [])
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            sys.stderr.write(f"command terminated with exit code {cause['message']}\n")
            return int(cause["message"])
    raise AgentError(str(said.get("message", "the program can not be run")))


def _write(channel: int, data: bytes) -> None:
    while data:
        data = data[os.write(channel, data) :]


async def _send_input(connection: ClientConnection) -> None:
    while True:
        await _input_is_there()
        data = os.read(0, _PIECE)
        if not data:
            break
        await connection.send(bytes([_STDIN]) + data)
    await _end_input(connection)


async def _input_is_there() -> None:
    # Standard input stays as it is, which others may read too: a read before there is anything would block.
    loop = asyncio.get_running_loop()
    is_there: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        loop.remove_reader(0)
        is_there.set_result(None)

    try:
        loop.add_reader(0, tell)
    except PermissionError:
        # A file is always readable, and epoll does not take it.
        return
    try:
        await is_there
    finally:
        loop.remove_reader(0)


async def _end_input(connection: ClientConnection) -> None:
    if connection.subprotocol == _PROTOCOLS[0]:
        await connection.send(_END_INPUT)
    else:
        # Version 4 has no word for it: a program that reads to the end would be waited for without a reason given.
        sys.stderr.write(_UNENDING)


@contextlib.contextmanager
def _resizing(connection: ClientConnection) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def tell() -> None:
        size = os.get_terminal_size(0)
        text = json.dumps({"Width": size.columns, "Height": size.lines}).encode()
        task = loop.create_task(connection.send(bytes([_RESIZE]) + text))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGWINCH, tell)
    tell()
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)

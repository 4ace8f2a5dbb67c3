"""Whose the name of the server's socket is: the service manager's, or the server's own."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from firkin.cri.activation import ManagerSocket, manager_socket
from firkin.errors import StateError

MANAGER, SERVER = "manager", "server"


class Names:
    """A manager's socket at `path`, and servers that take its name."""

    def __init__(self, place: Path) -> None:
        self.path = str(place / "cri.sock")
        self.open = ExitStack()
        self.manager = self.listener(self.path)

    def listener(self, path: str, queue: int = 10) -> socket.socket:
        listening = self.open.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(path)
        listening.listen(queue)
        return listening

    def handed(self) -> ManagerSocket:
        """The manager's socket as a new process gets it."""
        return ManagerSocket(socket.socket(fileno=os.dup(self.manager.fileno())), self.path)

    def client(self) -> socket.socket:
        """Somebody who connects now."""
        client = self.open.enter_context(socket.socket(socket.AF_UNIX))
        client.settimeout(60)
        client.connect(self.path)
        return client

    async def serve(self) -> asyncio.Server:
        """A server beside the name that says who it is."""
        return await asyncio.start_unix_server(_answer, f"{self.path}.own")

    def who(self) -> str:
        """Who is found by the name."""
        client = self.client()
        self.manager.setblocking(False)
        try:
            self.manager.accept()[0].close()
            return MANAGER
        except BlockingIOError:
            client.close()
            return SERVER


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"<" + await reader.readline())
    writer.write_eof()
    await writer.drain()
    writer.close()


async def _ask(client: socket.socket) -> bytes:
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, b"asked\n")
    answer = b""
    while data := await loop.sock_recv(client, 100):
        answer += data
    return answer


@pytest.fixture
def names(tmp_path: Path) -> Iterator[Names]:
    names = Names(tmp_path)
    with names.open:
        yield names


def run(scenario: object) -> None:
    """Run it to its end, which comes."""
    asyncio.run(asyncio.wait_for(scenario, 60))  # type: ignore[arg-type]


async def life(names: Names, *, killed: bool = False) -> None:
    """One server, from its begin to its end."""
    waiting = names.client()
    server, manager = await names.serve(), names.handed()
    manager.give_way(f"{names.path}.own")
    assert names.who() == SERVER
    assert await _ask(waiting) == b"<asked\n"
    # Who looked up the name before it was given away, and connects now.
    late = names.open.enter_context(socket.socket(socket.AF_UNIX))
    late.connect(f"{names.path}.manager")
    assert await _ask(late) == b"<asked\n"
    if not killed:
        manager.take_back()
    server.close()
    await manager.close()


def test_servers_come_and_go_under_one_name(names: Names) -> None:
    for _ in range(2):
        run(life(names))
        assert names.who() == MANAGER
        assert sorted(os.listdir(os.path.dirname(names.path))) == ["cri.sock"]


def test_a_server_that_was_killed_is_followed_by_another(names: Names) -> None:
    async def scenario() -> None:
        server, manager = await names.serve(), names.handed()
        manager.give_way(f"{names.path}.own")
        # Its descriptors go, and nothing else is done.
        asyncio.get_running_loop().remove_reader(manager._handed.fileno())
        server.close()
        manager._handed.close()

    run(scenario())
    with pytest.raises(ConnectionRefusedError):
        names.client()

    async def next_one() -> None:
        server, manager = await names.serve(), names.handed()
        manager.give_way(f"{names.path}.own")
        assert names.who() == SERVER
        manager.take_back()
        server.close()
        await manager.close()

    run(next_one())
    assert names.who() == MANAGER


def test_a_second_name_of_an_earlier_socket_is_replaced(names: Names) -> None:
    names.listener(f"{names.path}.manager").close()
    run(life(names))
    assert names.who() == MANAGER


def test_a_full_queue_is_emptied_first(names: Names) -> None:
    names.manager.listen(0)
    run(life(names))
    assert names.who() == MANAGER


def test_a_name_that_is_lost_is_told_and_not_given_back(names: Names, caplog: pytest.LogCaptureFixture) -> None:
    os.unlink(names.path)

    async def scenario() -> None:
        server, manager = await names.serve(), names.handed()
        manager.give_way(f"{names.path}.own")
        assert names.who() == SERVER
        manager.take_back()
        server.close()
        await manager.close()

    run(scenario())
    assert "has lost its name" in caplog.text
    assert not os.path.lexists(names.path)


def test_a_name_that_another_has_taken_is_left_to_that(names: Names) -> None:
    async def scenario() -> None:
        server, manager = await names.serve(), names.handed()
        manager.give_way(f"{names.path}.own")
        os.unlink(names.path)
        names.manager = names.listener(names.path)
        manager.take_back()
        server.close()
        await manager.close()

    run(scenario())
    assert names.who() == MANAGER


@pytest.mark.parametrize(
    ("count", "path", "words"),
    [
        ("2", "/run/x.sock", "2 sockets were handed over"),
        ("1", "/run/x.sock", "does not listen on /run/x.sock but "),
    ],
)
def test_what_is_not_to_be_served_is_refused(
    names: Names, monkeypatch: pytest.MonkeyPatch, count: str, path: str, words: str
) -> None:
    monkeypatch.setattr("firkin.notify._FIRST", os.dup(names.manager.fileno()))
    for name, value in (("LISTEN_PID", str(os.getpid())), ("LISTEN_FDS", count), ("LISTEN_FDNAMES", "a:b")):
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError, match=words):
        manager_socket(path)
    assert {name for name in os.environ if name.startswith("LISTEN_")} == set()
    assert manager_socket(path) is None

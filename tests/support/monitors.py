"""Containers under monitors, as a server starts them."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firkin.errors import StateError
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.host import read_host
from firkin.runtime.monitor.client import Client, End, Event, Output
from firkin.runtime.monitor.launch import Launcher, Order, Pending, Started
from firkin.runtime.monitor.record import Status, read_end
from tests.support.waiting import SECONDS

if TYPE_CHECKING:
    from firkin.runtime.nursery import Nursery
    from tests.support.bundle import Bundle, Firkin

__all__ = ["Monitors", "Watched", "next_event", "read_until", "wait_readable"]


class Watched:
    """One container: its `id`, its `directory`, its `log`, and what became of its start."""

    def __init__(self, id: str, place: Path, pending: Pending | None = None) -> None:
        self.id = id
        self.directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.log = place / "log"
        self.pending = pending
        self.started: Started | None = None

    @property
    def running(self) -> Started:
        """The started container."""
        assert self.started is not None
        return self.started

    def client(self) -> Client:
        """A new connection to the monitor."""
        return Client(self.directory)

    def attach(self, streams: int) -> Client:
        """A new connection that is attached to these streams."""
        client = self.client()
        client.attach(streams)
        return client

    def end(self) -> Status:
        """Wait for the end of the monitor, reap it, and read the record."""
        started = self.running
        wait_readable(started.monitor_pidfd, f"the monitor of {self.id} did not end")
        info = os.waitid(os.P_PIDFD, started.monitor_pidfd, os.WEXITED)
        assert info is not None and info.si_status == 0, info
        end = read_end(self.directory)
        assert end is not None
        return end

    def lines(self) -> list[str]:
        """The log, each line without its time."""
        return [line.split(" ", 1)[1] for line in self.log.read_text().splitlines()]

    def close(self) -> None:
        """Close what is held."""
        descriptors = [self.directory]
        if self.started:
            descriptors += [self.started.pidfd, self.started.monitor_pidfd]
        for fd in descriptors:
            os.close(fd)


class Monitors:
    """Starts containers with the state root of `firkin`, each with a directory of its own below `place`."""

    def __init__(self, firkin: Firkin, place: Path, nursery: Nursery | None = None) -> None:
        self.firkin = firkin
        self.place = place
        self.launcher = Launcher(nursery)
        self.all: list[Watched] = []

    def prepare(self) -> Watched:
        """A container of which there is only the id and the directory."""
        id = self.firkin.new_id()
        place = self.place / id
        place.mkdir(mode=0o700, parents=True)
        self.all.append(Watched(id, place))
        return self.all[-1]

    def plan(self, bundle: Bundle, id: str, *, run: bool = True, nursery: str = "") -> bytes:
        """The plan of a container of the bundle."""
        text = (bundle.save() / "config.json").read_bytes()
        request = Request(
            id=id,
            bundle=str(bundle.path),
            state_root=str(self.firkin.root),
            config=text,
            created="2026-01-01T00:00:00Z",
            run=run,
            foreground=True,
            nursery=nursery,
        )
        plan, _ = compile_container(load_config(text), request, read_host(str(self.firkin.root)))
        return plan

    def begin(
        self, bundle: Bundle, *, run: bool = True, nursery: str = "", log: str | None = None, **order: Any
    ) -> Watched:
        """Start a monitor, and do not wait for its answer."""
        watched = self.prepare()
        wanted = Order(log=str(watched.log) if log is None else log, **order)
        plan = self.plan(bundle, watched.id, run=run, nursery=nursery)
        watched.pending = self.launcher.start(plan, watched.directory, wanted)
        return watched

    def start(self, bundle: Bundle, **options: Any) -> Watched:
        """Start a container, which must succeed."""
        watched = self.begin(bundle, **options)
        assert watched.pending is not None
        watched.started = watched.pending.finish()
        return watched

    def run(self, bundle: Bundle, **options: Any) -> tuple[Watched, Status]:
        """Start a container and wait for its end."""
        watched = self.start(bundle, **options)
        return watched, watched.end()

    def close(self) -> None:
        """End all containers, and wait until no monitor is left."""
        self.launcher.close()
        for watched in self.all:
            try:
                client = watched.client()
            except StateError:
                client = None
            self.firkin("delete", "--force", watched.id)
            if client:
                with client:
                    read_until(client)
            watched.close()


def wait_readable(fd: int, complaint: str, timeout: float = SECONDS) -> None:
    """Wait until a descriptor is readable; fails with the complaint after a long time."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    assert poller.poll(timeout * 1000), complaint


def next_event(client: Client) -> Event:
    """Wait for the next event."""
    while (event := client.receive()) is None:
        wait_readable(client.fileno(), "no event from the monitor")
    return event


def read_until(client: Client, wanted: bytes | None = None) -> tuple[bytes, Status | None]:
    """What comes on all streams until it contains `wanted`, or until the end; and how the container ended."""
    data = b""
    while wanted is None or wanted not in data:
        event = next_event(client)
        if isinstance(event, End):
            assert wanted is None, f"no {wanted!r} in {data!r}"
            return data, event.status
        if isinstance(event, Output):
            data += event.data
    return data, None

"""A CRI server under load that is killed at random moments, and what must be so when the load has ended."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from firkin.cgroupfs import Cgroup
from tests.support.cgroups import scratch_name
from tests.support.cni_plugins import FileNetwork
from tests.support.cri_inventory import inventory, records
from tests.support.cri_server import CriServer
from tests.support.fault_load import Load
from tests.support.template import Template
from tests.support.waiting import eventually

__all__ = ["Done", "Run", "run_in"]

_LONGEST_LIFE = 0.7
"""Seconds: most lives of a server last less than the life of a pod."""


class Done(NamedTuple):
    """What happened in one slice of a run."""

    kills: int
    monitors: int
    pods: int
    containers: int
    retries: int

    def __str__(self) -> str:
        return (
            f"{self.kills} servers and {self.monitors} monitors killed, {self.pods} pods, {self.containers} containers,"
            f" {self.retries} calls made again"
        )


class Run:
    """A server that is to be killed. `clients` is how many there are at a time."""

    def __init__(self, server: CriServer, clients: int = 4) -> None:
        self._server = server
        self._clients = clients
        self._plugins = FileNetwork(server.place / "plugins")
        self._network = server.place / "cni" / "10-files.conflist"
        self._network.parent.mkdir()
        server.start()
        self._warm_up()

    def _warm_up(self) -> None:
        # Some things are made for ever by those who need them first.
        for with_plugins in (False, True):
            self._choose_network(with_plugins=with_plugins)
            pod = self._server.pod()
            self._server.run(pod, "sleep 1000")
            self._server("RemovePodSandbox", pod_sandbox_id=pod)
        self._choose_network(with_plugins=False)
        self._settled()
        self._before = inventory(self._server)

    def _choose_network(self, *, with_plugins: bool) -> None:
        if with_plugins:
            draft = self._server.place / "draft"
            draft.write_text(json.dumps(self._plugins.configuration()))
            draft.rename(self._network)
        else:
            self._network.unlink(missing_ok=True)

    def slice(self, seed: str, kills: int) -> Done:
        """Load, `kills` kills at moments that follow from `seed`, the end of the load, and all checks.

        Raises AssertionError, and grpc.RpcError for a call that was refused.
        """
        chance = random.Random(f"{seed} kills")
        load = Load(self._server, seed.replace(" ", "-"), seed, self._clients)
        load.start()
        monitors = 0
        try:
            for _ in range(kills):
                if load.ending.wait(chance.uniform(0, _LONGEST_LIFE)):
                    break
                monitors += chance.random() < 0.15 and self._kill_monitor(load, chance)
                self._server.kill()
                self._choose_network(with_plugins=chance.random() < 0.2)
                monitors += chance.random() < 0.05 and self._kill_monitor(load, chance)
                self._server.start()
        finally:
            load.finish()
        self._check()
        clients = load.clients
        counts = (sum(getattr(client, name) for client in clients) for name in ("pods", "containers", "retries"))
        return Done(kills, monitors, *counts)

    def _kill_monitor(self, load: Load, chance: random.Random) -> bool:
        box = load.doom(chance.choice)
        if box is None:
            return False
        monitor = self._server.monitor(box.id)
        if monitor:
            os.kill(monitor, signal.SIGKILL)
        return monitor > 0

    def _check(self) -> None:
        server = self._server
        self._choose_network(with_plugins=False)
        assert list(server("ListPodSandbox").items) == []
        assert list(server("ListContainers").containers) == []
        self._settled()
        changes = inventory(server) ^ self._before
        assert changes == set(), "\n".join(sorted(changes))
        server.stop()
        assert records(server) == []
        server.start()

    def _settled(self) -> None:
        # Links of pods that are gone are deleted a moment later, several at a time.
        later = ("link fk", "file state/network/pods/")
        eventually(lambda: [line for line in inventory(self._server) if line.startswith(later)], lambda left: not left)


@contextmanager
def run_in(place: Path) -> Iterator[Run]:
    """A run with all it has below the directory `place`, in the network of the thread."""
    cgroup = scratch_name()
    for name in (cgroup, f"{cgroup}/server", f"{cgroup}/pods"):
        Cgroup.make(name).close()
    with Template({}) as template:
        server = CriServer(place / "cri", template=template, cgroup=cgroup)
        try:
            yield Run(server)
        finally:
            server.kill()
            server.start()
            server.clean_up()
            Cgroup.destroy(cgroup)

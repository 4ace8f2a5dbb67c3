"""The server is killed at each point that it comes by: the client asks again, and all is as if nothing had happened."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from signal import SIGKILL
from typing import Any

import grpc
import pytest

from firkin.cgroupfs import Cgroup
from firkin.cri.faults import points
from tests.support.cgroups import scratch_name
from tests.support.cri_inventory import inventory, records
from tests.support.cri_server import CriServer
from tests.support.fault_scenarios import (
    PULLED,
    RECOVERIES,
    SCENARIOS,
    Scenario,
    checkpoint_container,
    numbers_of,
    remove_container_of_runc,
    run_pod_with_plugins,
)
from tests.support.image_layout import ImageLayout, archive
from tests.support.netns import World
from tests.support.registry import RealRegistry
from tests.support.template import Template
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge", "nft", "docker-registry", "skopeo", "runc")

RUNNING = 1
CASES: list[tuple[Scenario, tuple[str, ...]]] = [
    (scenario, (point,)) for scenario, found in SCENARIOS.items() for point in found
]
CASES += [(scenario, (first, then)) for scenario, (first, second) in RECOVERIES.items() for then in second]
# What is taken away a moment after a pod is gone.
LATER = ("link fk", "file state/network/pods/")


class Faulty:
    """A server that is killed at points, and a container that must not notice."""

    def __init__(self, server: CriServer, fault: Path) -> None:
        self.cri = server
        self._fault = fault
        self.arm("")
        server.start()
        self.pod = server.pod()
        self.writer = server.run(self.pod, "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done", "writer")
        self._process = self._pid()
        self.log = Path(server.status(self.writer).log_path)
        # Some things are made for ever by those who need them first.
        undisturbed(run_pod_with_plugins(server))
        undisturbed(remove_container_of_runc(server))
        self.clear_pods()
        self.before = inventory(server)

    def arm(self, point: str) -> None:
        """Let the server be killed at a point; "" for never."""
        self._fault.write_text(point)

    def die(self, point: str, call: Any) -> None:
        """Make a call during which the server is killed."""
        self.arm(point)
        with pytest.raises((grpc.RpcError, OSError)):
            call()
            pytest.fail(f"{point} is never reached")
        assert self.cri.wait() == -SIGKILL, point

    def die_at_start(self, point: str) -> None:
        """Start a server that is killed as it begins."""
        self.arm(point)
        self.cri.launch()
        assert self.cri.wait() == -SIGKILL, point

    def revive(self) -> None:
        """Start a server; the container has not noticed that there was none."""
        self.arm("")
        self.cri.start()
        assert self.cri.status(self.writer).state == RUNNING
        assert self._pid() == self._process

    def clear(self) -> None:
        """Remove all other pods: all is as it was before there were any."""
        self.clear_pods()
        assert [one.id for one in self.cri("ListContainers").containers] == [self.writer]
        try:
            # What a server that was killed had begun, such as a program, ends by itself.
            eventually(lambda: self.changes(LATER), lambda changes: not changes)
        finally:
            # What one case leaves is not another's.
            self.before = inventory(self.cri)

    def clear_pods(self) -> None:
        for sandbox in self.cri("ListPodSandbox").items:
            if sandbox.id != self.pod:
                self.cri("RemovePodSandbox", pod_sandbox_id=sandbox.id)

    def changes(self, but: tuple[str, ...]) -> set[str]:
        """What is there now and was not before, or the other way round."""
        changed = inventory(self.cri) ^ self.before
        # The writer's own programs come and go.
        return {line for line in changed if not line.startswith(but) and not line.endswith(f" in pods/{self.writer}")}

    def _pid(self) -> Any:
        return self.cri("ContainerStatus", container_id=self.writer, verbose=True).info


@pytest.fixture(scope="module")
def faulty(here: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    place, cgroup = tmp_path_factory.mktemp("faults"), scratch_name()
    layout = ImageLayout(place / "layout")
    layout.publish(layout.image([archive(file=b"text"), archive(other=b"more")]))
    fault = place / "fault"
    with RealRegistry(place / "registry") as registry, Template({"FIRKIN_FAULT": str(fault)}) as template:
        registry.fill(layout.path, PULLED)
        for name in (cgroup, f"{cgroup}/server", f"{cgroup}/pods"):
            Cgroup.make(name).close()
        settings = f'[cri.runtimes.runc]\ntype = "oci"\npath = "{shutil.which("runc")}"\n'
        server = CriServer(place / "cri", settings, template=template, cgroup=cgroup, registry=registry.host)
        try:
            yield Faulty(server, fault)
        finally:
            # Wherever a case has failed.
            server.kill()
            fault.write_text("")
            server.start()
            server.clean_up()
            Cgroup.destroy(cgroup)
            # What runc has made in other hierarchies, of which it leaves those above the container's.
            for path in sorted(Path("/sys/fs/cgroup").glob(f"*/{cgroup}/**/"), reverse=True):
                path.rmdir()


def undisturbed(steps: Generator[Any, Any, None]) -> None:
    answer = next(steps)()
    with pytest.raises(StopIteration):
        steps.send(answer)


def live_through(faulty: Faulty, scenario: Scenario, places: Sequence[str]) -> None:
    steps: Generator[Any, Any, None] = scenario(faulty.cri)
    call = next(steps)
    faulty.die(places[0], call)
    for place in places[1:]:
        faulty.die_at_start(place)
    faulty.revive()
    with pytest.raises(StopIteration):
        steps.send(call())
    faulty.clear()


@pytest.mark.parametrize(
    ("scenario", "places"),
    [
        pytest.param(
            scenario,
            places,
            id=f"{places[-1]}-{scenario.__name__}",
            marks=pytest.mark.requires(*(["criu"] if scenario is checkpoint_container else [])),
        )
        for scenario, places in CASES
    ],
)
def test_a_client_asks_again(faulty: Faulty, scenario: Scenario, places: Sequence[str]) -> None:
    live_through(faulty, scenario, places)


def test_all_that_ran_meanwhile_is_whole(faulty: Faulty) -> None:
    assert len(faulty.log.read_text()) > 0
    faulty.cri("StopContainer", container_id=faulty.writer)
    assert faulty.cri.status(faulty.writer).exit_code == 137
    numbers = numbers_of(faulty.log)
    assert numbers == list(range(1, len(numbers) + 1))
    faulty.cri("RemovePodSandbox", pod_sandbox_id=faulty.pod)
    eventually(lambda: [line for line in inventory(faulty.cri) if line.startswith(LATER)], lambda left: not left)
    left = inventory(faulty.cri)
    assert not [line for line in left if line.startswith(("process", "mount", "cgroup pods/"))]
    assert faulty.cri.leftovers() == []
    faulty.cri.stop()
    assert records(faulty.cri) == []


def test_no_point_is_left_out() -> None:
    assert {places[-1].partition(":")[0] for _, places in CASES} == set(points())

"""Agent and runtime are killed at random moments: nothing is started in vain, nothing forgotten, counts are right.

FIRKIN_KILLS says how many times each is killed (`make survival`: 200).
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from tests.support.agent import main, manifest
from tests.support.agent_process import AgentProcess
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

KILLS = int(os.environ.get("FIRKIN_KILLS", "4"))
NOT_READY = 1
LONGEST = 2.0
"""Seconds between a start and a kill, at most: a pod comes up in less."""


def pods(place: Path) -> list[str]:
    """One pod that stays, one that keeps ending, one that ends; each container says in a file that it was started."""
    (place / "data").mkdir()
    volume = f"volumes: [{{name: data, hostPath: {{path: {place}/data}}}}]\nterminationGracePeriodSeconds: 1\n"
    mount = "volumeMounts: [{name: data, mountPath: /data}]"
    init = f"""restartPolicy: Never
initContainers:
- {{name: init, image: "{IMAGE}", command: [sh, -c, "echo init; echo x >> /data/init"], {mount}}}
"""
    return [
        manifest("stays", volume, "echo stays; echo x >> /data/stays; sleep 100000", mount),
        manifest("ends", volume, "echo ends; echo x >> /data/ends; exit 3", mount),
        manifest("job", volume + init, "echo job; echo x >> /data/job; exit 0", mount),
    ]


def starts(place: Path, name: str) -> int:
    """How often a container was started."""
    path = place / "data" / name
    return len(path.read_text().split()) if path.exists() else 0


def test_agent_and_runtime_are_killed_at_random(server: CriServer, tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, server)
    agent.put(*pods(tmp_path))
    chance = random.Random(KILLS)
    for _ in range(KILLS):
        agent.start()
        time.sleep(chance.uniform(0, LONGEST))
        if chance.random() < 0.5:
            server.kill()
            time.sleep(chance.uniform(0, 0.3))
            agent.kill()
            server.start()
        else:
            agent.kill()
            time.sleep(chance.uniform(0, 0.3))
            server.kill()
            server.start()
    agent.start()
    before = starts(tmp_path, "ends")
    eventually(lambda: starts(tmp_path, "ends") > before + 1)
    eventually(lambda: starts(tmp_path, "stays"))
    # Its status is written before its sandbox is stopped.
    eventually(lambda: sandbox_states(server, "job") == [NOT_READY])
    assert agent.stop() == 0
    found = agent.pods()
    check_that_nothing_was_started_in_vain(tmp_path, server, found)


def sandbox_states(server: CriServer, name: str) -> list[int]:
    """The states of the sandboxes of a pod."""
    selector = {"label_selector": {"io.kubernetes.pod.name": name}}
    return [one.state for one in server("ListPodSandbox", filter=selector).items]


def said(place: Path, pod: Pod, container: str, restarts: int = 0) -> list[str]:
    """The lines of a container's log."""
    directory = f"{pod.metadata.namespace}_{pod.metadata.name}_{pod.metadata.uid}"
    text = (place / "pods" / directory / container / f"{restarts}.log").read_text()
    return [line.split(" ", 3)[3] for line in text.splitlines()]


def check_what_is_told(place: Path, found: dict[str, Pod]) -> None:
    """Reasons, codes and logs are those of what has happened to the containers, not to who watched."""
    assert said(place, found["stays"], "main") == ["stays"]
    assert (said(place, found["job"], "init"), said(place, found["job"], "main")) == (["init"], ["job"])
    (init,), job = found["job"].status.init_container_statuses, main(found["job"]).state.terminated
    assert init.state.terminated is not None and job is not None
    assert (init.state.terminated.reason, job.reason, job.exit_code) == ("Completed", "Completed", 0)
    ends = main(found["ends"])
    last = ends.state.terminated or ends.last_state.terminated
    assert last is not None and (last.reason, last.exit_code) == ("Error", 3)
    number = ends.restart_count - (ends.state.running is not None)
    assert said(place, found["ends"], "main", number) == ["ends"]


def check_that_nothing_was_started_in_vain(place: Path, server: CriServer, found: dict[str, Pod]) -> None:
    stays = main(found["stays"])
    assert (starts(place, "stays"), stays.restart_count) == (1, 0)
    assert stays.state.running is not None
    assert (found["job"].status.phase, starts(place, "init"), starts(place, "job")) == ("Succeeded", 1, 1)
    containers = server("ListContainers").containers
    counts = {
        int(one.annotations["io.kubernetes.container.restartCount"])
        for one in containers
        if one.labels["io.kubernetes.pod.name"] == "ends" and one.state == 2
    }
    assert max(counts) + 1 == starts(place, "ends")
    check_what_is_told(place, found)
    sandboxes = [one.labels["io.kubernetes.pod.name"] for one in server("ListPodSandbox").items]
    assert sorted(sandboxes) == ["ends", "job", "stays"]

"""`firkin update` and `firkin events`, on cgroups with their controllers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")


def _files(id: str, *names: str) -> list[str]:
    group = Path(find_hierarchy().mount) / f"firkin-{id}"
    return [(group / name).read_text().strip() for name in names]


@pytest.fixture
def sleeping(firkin: Firkin, bundle: Bundle) -> str:
    """A container that runs and does nothing."""
    return firkin.start(bundle.shell("exec sleep 1000"))


@pytest.mark.requires("cpu", "memory", "pids")
def test_limits_are_changed_by_options(firkin: Firkin, sleeping: str) -> None:
    firkin("update", "--memory", "64m", "--pids-limit", "77", "--cpu-quota", "20000", "--cpu-share", "2048", sleeping)
    assert _files(sleeping, "memory.max", "pids.max", "cpu.max", "cpu.weight") == [
        str(64 << 20),
        "77",
        "20000 100000",
        "174",
    ]
    firkin("update", "--cpu-period", "50000", sleeping)
    assert _files(sleeping, "cpu.max", "pids.max") == ["20000 50000", "77"]
    firkin("update", "--cpu-quota=-1", "--memory=-1", "--pids-limit=-1", sleeping)
    assert _files(sleeping, "cpu.max", "memory.max", "pids.max") == ["max 50000", "max", "max"]


@pytest.mark.requires("memory", "pids")
def test_limits_are_changed_by_a_document(firkin: Firkin, sleeping: str, tmp_path: Path) -> None:
    document = json.dumps({"memory": {"limit": 32 << 20}, "pids": {"limit": 5}})
    firkin("update", "--resources", "-", sleeping, input=document)
    assert _files(sleeping, "memory.max", "pids.max") == [str(32 << 20), "5"]
    (tmp_path / "limits.json").write_text(json.dumps({"unified": {"memory.high": "16777216"}}))
    firkin("update", "-r", tmp_path / "limits.json", sleeping)
    assert _files(sleeping, "memory.high", "memory.max") == ["16777216", str(32 << 20)]


@pytest.mark.requires("memory", "pids")
def test_all_limits_are_changed_or_none(firkin: Firkin, sleeping: str) -> None:
    document = json.dumps({"pids": {"limit": 5}, "unified": {"memory.high": "lots"}})
    done = firkin("update", "--resources", "-", sleeping, input=document, check=False)
    assert done.returncode == 1
    assert "memory.high" in done.stderr
    assert _files(sleeping, "pids.max", "memory.high") == ["max", "max"]


def test_what_can_not_be_is_named(firkin: Firkin, sleeping: str) -> None:
    done = firkin("update", "--kernel-memory", "1m", sleeping, check=False)
    assert done.returncode == 1
    assert "memory.kernel: cgroup v2 has no such setting" in done.stderr
    done = firkin("update", "--resources", "-", sleeping, input='{"memory": {"limit": "x"}}', check=False)
    assert done.stderr.startswith("firkin: error: resources: memory.limit: ")


def test_rules_for_devices_are_changed(firkin: Firkin, bundle: Bundle) -> None:
    everything: dict[str, object] = {"allow": True, "access": "rwm"}
    bundle.linux["resources"] = {"devices": [everything]}
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]
    id = firkin.start(bundle.shell("exec sleep 1000"))
    look = ["exec", id, "sh", "-c", "exec 3>>/dev/kmsg"]
    firkin(*look)
    firkin("update", "--resources", "-", id, input=json.dumps({"devices": [{"allow": False, "access": "rwm"}]}))
    assert "Operation not permitted" in firkin(*look, check=False).stderr
    firkin("update", "--resources", "-", id, input=json.dumps({"devices": [everything]}))
    firkin(*look)


@pytest.mark.parametrize("command", [["update", "--pids-limit", "5"], ["events", "--stats"]])
def test_container_that_has_ended_is_an_error(firkin: Firkin, bundle: Bundle, command: list[str]) -> None:
    id = firkin.new_id()
    firkin("run", "--keep", "-b", bundle.save(), id)
    done = firkin(*command, id, check=False)
    assert (done.returncode, done.stderr) == (1, "firkin: error: container not running: it is stopped\n")


def test_statistics(firkin: Firkin, sleeping: str) -> None:
    told = json.loads(firkin("events", "--stats", sleeping).stdout)
    assert (told["type"], told["id"]) == ("stats", sleeping)
    assert told["data"]["cpu"]["usage"]["total"] > 0
    assert {"cpu", "memory", "pids", "blkio", "hugetlb"} <= told["data"].keys()


@pytest.mark.requires("memory", "pids")
def test_statistics_of_memory_and_processes(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}}
    id = firkin.start(bundle.shell("exec sleep 1000"))
    data = json.loads(firkin("events", "--stats", id).stdout)["data"]
    assert data["memory"]["usage"]["limit"] == 64 << 20
    assert 0 < data["memory"]["usage"]["usage"] <= data["memory"]["usage"]["max"]
    assert data["pids"] == {"current": 1, "limit": 50}
    assert data["memory"]["raw"]["anon"] > 0


def _follow(firkin: Firkin, id: str, interval: str) -> subprocess.Popen[str]:
    argv = firkin.command("events", "--interval", interval, id)
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_statistics_come_again_until_the_container_ends(firkin: Firkin, sleeping: str) -> None:
    with _follow(firkin, sleeping, "20ms") as events:
        assert events.stdout is not None
        told = [json.loads(events.stdout.readline()) for _ in range(3)]
        os.kill(firkin.state(sleeping)["pid"], signal.SIGKILL)
        events.communicate(timeout=SECONDS)
        assert events.returncode == 0
    assert [event["type"] for event in told] == ["stats"] * 3


@pytest.mark.requires("memory")
def test_lack_of_memory_is_told(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    id = firkin.start(bundle.shell("exec sleep 1000"))
    with _follow(firkin, id, "1h") as events:
        assert events.stdout is not None
        assert json.loads(events.stdout.readline())["type"] == "stats"
        firkin("exec", id, "sh", "-c", "x=$(head -c 64m /dev/zero | tr '\\0' x)", check=False)
        told: dict[str, Any] = json.loads(events.stdout.readline())
        firkin("delete", "--force", id)
        events.communicate(timeout=SECONDS)
    assert told == {"type": "oom", "id": id}

"""Containers in scopes of a real systemd, and the driver by itself."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.cgroupfs.systemd.driver import Systemd
from firkin.errors import AlreadyExistsError, CgroupError, CgroupGoneError, CgroupValueError
from tests.support.bundle import Bundle, Firkin, wait_stopped
from tests.support.systemd import SystemdFirkin, scope_directory, show, systemctl
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "systemd", "memory", "pids", "cpu", "cpuset")
MIB = 1 << 20
LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 80 * MIB, "reservation": 8 * MIB},
    "cpu": {"shares": 512, "quota": 30_000, "period": 50_000, "cpus": "0"},
    "pids": {"limit": 40},
}
PROPERTIES = {
    "MemoryMax": str(64 * MIB), "MemorySwapMax": str(16 * MIB), "MemoryLow": str(8 * MIB), "CPUWeight": "59",
    "CPUQuotaPerSecUSec": "600ms", "CPUQuotaPeriodUSec": "50ms", "TasksMax": "40", "AllowedCPUs": "0",
    "Delegate": "yes", "Slice": "system.slice", "CollectMode": "inactive-or-failed", "DevicePolicy": "auto",
}  # fmt: skip
FILES = {
    "memory.max": str(64 * MIB), "memory.swap.max": str(16 * MIB), "memory.low": str(8 * MIB), "cpu.weight": "59",
    "cpu.max": "30000 50000", "pids.max": "40", "cpuset.cpus": "0",
}  # fmt: skip


@pytest.fixture
def firkin(tmp_path: Path) -> Iterator[Firkin]:
    runner = SystemdFirkin(tmp_path / "state")
    yield runner
    runner.close()


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    with Systemd() as connected:
        yield connected


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def values(directory: Path, names: dict[str, str]) -> dict[str, str]:
    return {name: (directory / name).read_text().strip() for name in names}


def unit_of(id: str) -> str:
    return f"firkin-{id}.scope"


def wait_gone(id: str) -> None:
    """Ask until systemd has forgotten the unit."""
    eventually(
        lambda: show(unit_of(id), "LoadState", "ActiveState", "SubState"),
        lambda state: state["LoadState"] == "not-found",
    )


def test_life_of_a_container_in_a_scope(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = LIMITS | {"devices": [{"allow": False, "access": "rwm"}]}
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.create(bundle)
    directory = scope_directory(id)
    pid = firkin.state(id)["pid"]
    assert (directory / "cgroup.procs").read_text().split() == [str(pid)]
    assert values(directory, FILES) == FILES
    assert show(unit_of(id), *PROPERTIES) == PROPERTIES
    assert firkin.state(id)["status"] == "created"

    firkin("start", id)
    # systemd writes again what it knows of, and what nobody told it is lost.
    systemctl("daemon-reload")
    systemctl("set-property", "--runtime", unit_of(id), "IOWeight=200")
    assert values(directory, FILES) == FILES
    assert show(unit_of(id), *PROPERTIES) == PROPERTIES
    refused = firkin("exec", id, "head", "-c1", "/dev/kmsg", check=False)
    assert "Operation not permitted" in refused.stderr
    assert firkin("exec", id, "sh", "-c", "head -c1 /dev/zero | wc -c; cat /proc/self/cgroup").stdout == "1\n0::/\n"

    firkin("pause", id)
    assert firkin.state(id)["status"] == "paused"
    firkin("resume", id)
    firkin("kill", id, "KILL")
    wait_stopped(firkin, id)
    firkin("delete", id)
    assert firkin.leftovers(id) == []


def test_run_leaves_nothing_behind_and_passes_the_exit_code_on(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    bundle.linux["resources"] = {"pids": {"limit": 1}}
    bundle.shell("read max </sys/fs/cgroup/pids.max; read now </sys/fs/cgroup/pids.current; echo $max $now; exit 7")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro")
    done = firkin("run", "-b", bundle.save(), id, check=False)
    assert (done.returncode, done.stdout) == (7, "1 1\n"), done.stderr
    assert firkin.leftovers(id) == []


def test_pids_limit_makes_fork_fail(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"pids": {"limit": 4}}
    bundle.shell("for i in 1 2 3 4 5 6; do sleep 5 & done; echo all started")
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert "can't fork" in done.stderr
    assert "all started" not in done.stdout


def test_slice_prefix_and_name_and_annotations(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    bundle.linux["cgroupsPath"] = f"firkintest-sub.slice:own:{uuid.uuid4().hex}"
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 5000000"}
    id = firkin.start(bundle)
    name = bundle.linux["cgroupsPath"].rpartition(":")[2]
    found = show(f"own-{name}.scope", "TimeoutStopUSec", "ControlGroup", "Description")
    assert found == {
        "TimeoutStopUSec": "5s",
        "ControlGroup": f"/firkintest.slice/firkintest-sub.slice/own-{name}.scope",
        "Description": f"container {id}",
    }
    # Nothing that was not asked for limits a container.
    unlimited = {"pids.max": "max", "memory.max": "max", "cpu.max": "max 100000", "cpu.weight": "100"}
    assert values(Path(find_hierarchy().mount, found["ControlGroup"][1:]), unlimited) == unlimited
    firkin("delete", "--force", id)
    assert show(f"own-{name}.scope", "LoadState") == {"LoadState": "not-found"}
    systemctl("stop", "firkintest.slice")


def test_a_program_that_is_not_there_leaves_no_scope(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["/nowhere"]
    assert "no such file" in firkin.fails(bundle, code=127)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": {"org.systemd.property.ExecStop": "'x'"}}, "org.systemd.property.ExecStop"),
        ({"annotations": {"org.systemd.property.CollectMode": "'x'"}}, "start firkin-"),
    ],
)
def test_what_is_refused_leaves_no_scope(
    firkin: Firkin, bundle: Bundle, change: dict[str, object], message: str
) -> None:
    bundle.config |= change
    assert message in firkin.fails(bundle)


def test_a_container_that_exists_is_left_alone(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.start(bundle)
    before = firkin.state(id)
    again = firkin("create", "-b", bundle.path, id, check=False)
    assert (again.returncode, again.stderr) == (1, f"firkin: error: container with id {id} already exists\n")
    # The same id below another root is another record, but the same scope.
    other = SystemdFirkin(firkin.root / "other")
    elsewhere = other("create", "-b", bundle.path, id, check=False)
    assert elsewhere.returncode == 1 and "a unit of this name exists already" in elsewhere.stderr
    assert firkin.state(id) == before and before["status"] == "running"


@pytest.mark.requires("strace")
@pytest.mark.parametrize("call", ["sendto:when=9", "recvfrom:when=8", "clone3", "pidfd_send_signal"])
def test_a_runtime_that_is_killed_leaves_no_scope(firkin: Firkin, bundle: Bundle, call: str) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.new_id()
    argv = [
        "strace",
        "-o",
        "/dev/null",
        "-e",
        f"inject={call}:signal=SIGKILL",
        *firkin.command("create", "-b", bundle.save(), id),
    ]
    null = subprocess.DEVNULL
    done = subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False, timeout=120)
    assert done.returncode != 0
    # Without any help: the placeholder and the child end with the runtime, and systemd removes what is empty.
    wait_gone(id)
    assert not scope_directory(id).exists()
    firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []


def test_the_driver_starts_changes_and_stops_a_scope(systemd: Systemd, sleeper: subprocess.Popen[bytes]) -> None:
    unit = f"firkintest-{uuid.uuid4().hex}.scope"
    systemd.start_scope(unit, "system.slice", [sleeper.pid], [("TasksMax", ("t", 5)), ("AllowedCPUs", ("ay", b"\1"))])
    path = systemd.cgroup_of(unit)
    directory = Path(find_hierarchy().mount, path)
    try:
        assert path == f"system.slice/{unit}"
        assert (directory / "cgroup.procs").read_text() == f"{sleeper.pid}\n"
        assert values(directory, {"pids.max": "", "cpuset.cpus": ""}) == {"pids.max": "5", "cpuset.cpus": "0"}
        with pytest.raises(AlreadyExistsError):
            systemd.start_scope(unit, "system.slice", [sleeper.pid])
        systemd.set_properties(unit, [("TasksMax", ("t", 6)), ("CPUQuotaPerSecUSec", ("t", 500_000))])
        assert values(directory, {"pids.max": "", "cpu.max": ""}) == {"pids.max": "6", "cpu.max": "50000 100000"}
        with pytest.raises(CgroupValueError):
            systemd.set_properties(unit, [("TasksMax", ("t", 0))])
    finally:
        systemd.stop(unit)
    assert not directory.exists()
    assert sleeper.wait(SECONDS) != 0
    systemd.stop(unit)
    with pytest.raises(CgroupGoneError):
        systemd.cgroup_of(unit)
    with pytest.raises(CgroupGoneError):
        systemd.set_properties(unit, [("TasksMax", ("t", 6))])


def test_a_name_is_free_again_as_soon_as_its_scope_has_ended(systemd: Systemd) -> None:
    unit = f"firkintest-{uuid.uuid4().hex}.scope"
    for _ in range(10):
        with subprocess.Popen(["sleep", "1000"]) as process:
            systemd.start_scope(unit, "system.slice", [process.pid])
            process.kill()
    systemd.stop(unit)
    assert show(unit, "ActiveState") == {"ActiveState": "inactive"}


def test_the_driver_starts_and_stops_a_slice(systemd: Systemd) -> None:
    unit = f"firkintest-{uuid.uuid4().hex}.slice"
    systemd.start_slice(unit, [("MemoryMax", ("t", 10 * MIB))])
    directory = Path(find_hierarchy().mount, "firkintest.slice", unit)
    assert (directory / "memory.max").read_text() == f"{10 * MIB}\n"
    systemd.stop(unit)
    assert not directory.exists()
    systemd.stop("firkintest.slice")


def test_a_scope_of_a_process_that_is_gone_is_refused(systemd: Systemd) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    unit = f"firkintest-{uuid.uuid4().hex}.scope"
    with pytest.raises(CgroupError):
        systemd.start_scope(unit, "system.slice", [process.pid])
    systemd.stop(unit)
    assert show(unit, "LoadState") == {"LoadState": "not-found"}


def test_doctor_names_the_version(firkin: Firkin) -> None:
    assert f"systemd     version {systemctl('--version').split()[1]}" in firkin("doctor").stdout
    assert os.path.isdir("/run/systemd/system")

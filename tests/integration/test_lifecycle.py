"""The life of a container: its states, what may be done in which, and how it goes away."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin, wait_stopped
from tests.support.waiting import eventually

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]

_FOREVER = "trap 'exit 3' TERM; while :; do sleep 1000 & wait; done"


def _created(firkin: Firkin, bundle: Bundle) -> str:
    return firkin.create(bundle.shell(_FOREVER))


def _running(firkin: Firkin, bundle: Bundle) -> str:
    return firkin.start(bundle.shell(_FOREVER))


def _paused(firkin: Firkin, bundle: Bundle) -> str:
    id = _running(firkin, bundle)
    firkin("pause", id)
    return id


def _stopped(firkin: Firkin, bundle: Bundle) -> str:
    id = firkin.start(bundle)
    wait_stopped(firkin, id)
    return id


_STATES: dict[str, Callable[[Firkin, Bundle], str]] = {
    "created": _created,
    "running": _running,
    "paused": _paused,
    "stopped": _stopped,
}

_ILLEGAL = {
    "created": {
        "resume": "container not paused: it is created",
    },
    "running": {
        "start": "cannot start a running container",
        "resume": "container not paused: it is running",
        "delete": "cannot delete container ID that is not stopped: running (use --force to kill it first)",
    },
    "paused": {
        "start": "cannot start a paused container",
        "exec": "cannot exec in a paused container",
        "pause": "container not running: it is paused",
        "delete": "cannot delete container ID that is not stopped: paused (use --force to kill it first)",
    },
    "stopped": {
        "start": "cannot start a stopped container",
        "exec": "cannot exec in a stopped container",
        "kill": "container not running",
        "pause": "container not running: it is stopped",
        "resume": "container not paused: it is stopped",
    },
}


@pytest.mark.parametrize("status", _STATES)
def test_state_tells_the_status(firkin: Firkin, bundle: Bundle, status: str) -> None:
    assert firkin.state(_STATES[status](firkin, bundle))["status"] == status


@pytest.mark.parametrize("status", _STATES)
def test_what_a_state_does_not_allow_fails_and_changes_nothing(firkin: Firkin, bundle: Bundle, status: str) -> None:
    id = _STATES[status](firkin, bundle)
    before = firkin.state(id)
    for command, message in _ILLEGAL[status].items():
        words = ("true",) if command == "exec" else ()
        done = firkin(command, id, *words, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (
            1,
            "",
            f"firkin: error: {message.replace('ID', id)}\n",
        ), command
        assert firkin.state(id) == before, command


@pytest.mark.parametrize("command", ["start", "state", "kill", "delete", "exec", "pause", "resume", "ps"])
def test_unknown_container_is_an_error_that_names_it(firkin: Firkin, command: str) -> None:
    words = ("true",) if command == "exec" else ()
    done = firkin(command, "nobody", *words, check=False)
    assert (done.returncode, done.stderr) == (1, 'firkin: error: container "nobody" does not exist\n')


def test_delete_with_force_accepts_that_there_is_no_container(firkin: Firkin) -> None:
    done = firkin("delete", "--force", "nobody")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("status", _STATES)
def test_delete_with_force_removes_a_container_in_any_state(firkin: Firkin, bundle: Bundle, status: str) -> None:
    id = _STATES[status](firkin, bundle)
    pid = firkin.state(id)["pid"]
    firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []
    assert not pid or not Path(f"/proc/{pid}/exe").exists()
    assert firkin("state", id, check=False).returncode == 1


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_delete_without_force(firkin: Firkin, bundle: Bundle, status: str) -> None:
    id = _STATES[status](firkin, bundle)
    firkin("delete", id)
    assert firkin.leftovers(id) == []


def test_id_is_free_again_after_delete(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    firkin("delete", id)
    assert firkin("run", "-b", bundle.shell("echo again").save(), id).stdout == "again\n"


def test_delete_takes_the_processes_of_a_shared_pid_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount").config.pop("hostname")
    id = firkin.start(bundle.shell("sleep 1000 & sleep 1000 & wait"))
    pids = firkin.processes(id, 3)
    firkin("delete", "--force", id)
    assert [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()] == []


def test_delete_removes_cgroups_that_the_container_made(firkin: Firkin, bundle: Bundle) -> None:
    cgroup = next(mount for mount in bundle.config["mounts"] if mount["type"] == "cgroup")
    cgroup["options"].remove("ro")
    id = firkin.start(bundle.shell("mkdir -p /sys/fs/cgroup/a/b/c /sys/fs/cgroup/d; echo > /made; sleep 1000"))
    firkin("exec", id, "sh", "-c", "while ! [ -e /made ]; do :; done")
    assert (Path(find_hierarchy().mount) / f"firkin-{id}/a/b/c").is_dir()
    firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []


def test_delete_by_regular_expression(firkin: Firkin, bundle: Bundle) -> None:
    first, second = firkin.create(bundle), firkin.create(bundle)
    firkin("delete", "--force", "--regex", f"{first[:5]}.*")
    assert firkin("state", first, check=False).returncode == 1
    assert firkin("state", second, check=False).returncode == int(second.startswith(first[:5]))


def test_state_has_what_the_specification_asks_for(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    state = firkin.state(id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", state.pop("created"))
    assert state == {
        "ociVersion": "1.3.0",
        "id": id,
        "pid": state["pid"],
        "status": "created",
        "bundle": str(bundle.path),
        "rootfs": str(bundle.rootfs),
        "annotations": {},
        "owner": "root",
    }


def test_pid_of_the_state_is_that_of_the_program(firkin: Firkin, bundle: Bundle) -> None:
    id = _created(firkin, bundle)
    pid = firkin.state(id)["pid"]
    firkin("start", id)
    assert firkin.state(id)["pid"] == pid
    assert b"sleep 1000" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_created_container_runs_nothing_of_the_image(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle.shell("touch /ran; sleep 1000"))
    assert Path(f"/proc/{firkin.state(id)['pid']}/exe").readlink().name.startswith("memfd:firkin-init")
    assert not (bundle.rootfs / "ran").exists()


def test_created_container_has_all_its_namespaces(firkin: Firkin, bundle: Bundle) -> None:
    pid = firkin.state(firkin.create(bundle))["pid"]
    for name in ("mnt", "pid", "net", "ipc", "uts", "cgroup"):
        assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"), name


def test_start_returns_when_the_program_runs(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000"))
    pid = firkin.state(id)["pid"]
    assert Path(f"/proc/{pid}/exe").readlink().name == "busybox"


def test_list_shows_every_container_and_its_status(firkin: Firkin, bundle: Bundle) -> None:
    assert json.loads(firkin("list", "--format", "json").stdout) == []
    created, running = _created(firkin, bundle), _running(firkin, bundle)
    rows = {row["id"]: row for row in json.loads(firkin("list", "--format", "json").stdout)}
    assert {id: row["status"] for id, row in rows.items()} == {created: "created", running: "running"}
    assert rows[created] == firkin.state(created)
    assert firkin("list", "--quiet").stdout.split() == sorted((created, running))
    head, *lines = firkin("list").stdout.splitlines()
    assert head.split()[:3] == ["ID", "PID", "STATUS"]
    assert [line.split()[::2][0] for line in lines] == sorted((created, running))


def test_ps_shows_the_processes_by_their_pids_on_the_host(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("sleep 1000 & exec sleep 2000"))
    pids = firkin.processes(id, 2)
    assert firkin.state(id)["pid"] in pids
    eventually(
        lambda: sorted(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids),
        lambda lines: lines == [b"sleep\x001000\x00", b"sleep\x002000\x00"],
    )


def test_ps_table_holds_the_container_only(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.start(bundle)
    head, *lines = firkin("ps", id, "-eo", "pid,args").stdout.splitlines()
    assert head.split() == ["PID", "COMMAND"]
    assert [line.split() for line in lines] == [[str(firkin.state(id)["pid"]), "sleep", "1000"]]


def test_paused_container_stands_still_until_resume(firkin: Firkin, bundle: Bundle) -> None:
    os.mkfifo(bundle.rootfs / "beat")
    beat = os.open(bundle.rootfs / "beat", os.O_RDWR | os.O_NONBLOCK)
    id = firkin.start(bundle.shell("while :; do echo beat > /beat; done"))
    os.set_blocking(beat, True)
    assert os.read(beat, 5) == b"beat\n"
    firkin("pause", id)
    os.set_blocking(beat, False)
    _drain(beat)
    frozen = Path(f"/proc/{firkin.state(id)['pid']}/stat").read_text().split()[13:15]
    assert Path(f"/proc/{firkin.state(id)['pid']}/stat").read_text().split()[13:15] == frozen
    with pytest.raises(BlockingIOError):
        os.read(beat, 5)
    firkin("resume", id)
    os.set_blocking(beat, True)
    assert os.read(beat, 5) == b"beat\n"
    os.close(beat)


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 65536):
            pass
    except BlockingIOError:
        pass


def test_created_container_can_be_paused_and_started_after_resume(firkin: Firkin, bundle: Bundle) -> None:
    id = _created(firkin, bundle)
    firkin("pause", id)
    assert firkin.state(id)["status"] == "paused"
    firkin("resume", id)
    assert firkin.state(id)["status"] == "created"
    firkin("start", id)
    assert firkin.state(id)["status"] == "running"


def test_kill_ends_a_paused_container(firkin: Firkin, bundle: Bundle) -> None:
    id = _paused(firkin, bundle)
    firkin("kill", id, "KILL")
    wait_stopped(firkin, id)
    assert firkin.state(id)["status"] == "stopped"


def test_stopped_container_has_no_pid(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin.state(_stopped(firkin, bundle))["pid"] == 0


def test_cgroups_path_is_below_the_hierarchys_root(firkin: Firkin, bundle: Bundle) -> None:
    name = f"firkin-test-{firkin.new_id()}"
    bundle.linux["cgroupsPath"] = f"/{name}/inner"
    cgroup = Path(find_hierarchy().mount) / name
    try:
        id = firkin.start(bundle.shell("sleep 1000"))
        assert (cgroup / "inner/cgroup.procs").read_text().split() == [str(firkin.state(id)["pid"])]
        firkin("delete", "--force", id)
        assert not (cgroup / "inner").exists()
        assert cgroup.is_dir(), "what may hold other containers stays"
    finally:
        firkin("delete", "--force", firkin.ids[-1])
        cgroup.rmdir()


def test_cgroup_that_holds_other_processes_is_refused(firkin: Firkin, bundle: Bundle) -> None:
    id = _running(firkin, bundle)
    bundle.linux["cgroupsPath"] = f"/firkin-{id}"
    assert firkin.fails(bundle.shell("true")) == f"linux.cgroupsPath: cgroup firkin-{id}: has processes already"
    assert firkin.state(id)["status"] == "running"


def test_record_is_not_there_before_it_is_made(firkin: Firkin) -> None:
    assert firkin("list", "--quiet").stdout == ""
    assert not firkin.root.exists()

"""The tree of cgroups: made, filled, stopped, killed, removed; and what is wrong told by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.errors import (
    CgroupBusyError,
    CgroupError,
    CgroupFileError,
    CgroupGoneError,
    CgroupLimitError,
    CgroupPathError,
    CgroupPermissionError,
    CgroupTopologyError,
    CgroupValueError,
    ControllerError,
    ExecutableError,
)
from tests.support.cgroup_worker import used_while
from tests.support.cgroups import scratch_name
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")
FOREVER = ["sleep", "1000"]


def test_a_path_is_made_with_what_is_missing_above(cgroup: Cgroup) -> None:
    name = cgroup.path.rpartition("/")[2]
    with Cgroup.make(f"{name}/a//b/./c") as made:
        assert made.path == f"{cgroup.path}/a/b/c"
    with Cgroup(f"{name}/a/b/c") as found, Cgroup(f"{cgroup.path}/a/b/c") as same:
        assert os.fstat(found.fileno()).st_ino == os.fstat(same.fileno()).st_ino
    assert [group.path.removeprefix(cgroup.path) for group in cgroup.walk()] == ["", "/a", "/a/b", "/a/b/c"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is empty"),
        ("..", "leads out of the hierarchy"),
        ("a/../../b", "leads out of the hierarchy"),
        ("/etc", "is not in a cgroup2 file system"),
        ("/no/such", "there is no such directory"),
        ("a\nb", "has a newline or a null byte"),
        ("a\0b", "has a newline or a null byte"),
        ("x" * 256, "has a name of more than 255 bytes"),
    ],
)
def test_wrong_paths_are_refused(path: str, reason: str) -> None:
    with pytest.raises(CgroupPathError, match=reason):
        Cgroup(path)


@pytest.mark.parametrize("path", ["/x", "..", "", "."])
def test_what_can_not_be_made(path: str) -> None:
    with pytest.raises(CgroupPathError):
        Cgroup.make(path)


def test_a_cgroup_that_is_not_there_is_told() -> None:
    with pytest.raises(CgroupGoneError, match="there is no such cgroup"):
        Cgroup("no/such/cgroup")


def test_a_tmpfs_with_the_right_names_is_no_cgroup(tmp_path: Path) -> None:
    for name in ("cgroup.procs", "cgroup.controllers"):
        (tmp_path / name).touch()
    with pytest.raises(CgroupPathError, match="is not in a cgroup2 file system"):
        Cgroup(str(tmp_path))


def test_a_process_is_born_in_its_cgroup(cgroup: Cgroup) -> None:
    read, write = os.pipe()
    with cgroup.spawn(["cat", "/proc/self/cgroup"], output=write) as process:
        os.close(write)
        output = os.read(read, 4096).decode()
        assert process.wait() == 0
    os.close(read)
    assert f"0::/{cgroup.path.rpartition('/')[2]}\n" in output


def test_a_process_is_born_in_a_cgroup_that_was_killed_before(cgroup: Cgroup) -> None:
    with cgroup.make_child("other") as other, cgroup.make_child("below") as below:
        for _ in range(3):
            cgroup.kill()
            assert [group.spawn(["sh", "-c", "exit 3"]).wait() for group in (cgroup, other, below)] == [3, 3, 3]
        other.kill()
        where = f"0::/{cgroup.path.rpartition('/')[2]}/other"
        assert other.spawn(["grep", "-qxF", where, "/proc/self/cgroup"]).wait() == 0


def test_a_process_of_a_cgroup_that_was_killed_before_has_children_elsewhere(cgroup: Cgroup) -> None:
    with cgroup.make_child("killed") as killed, cgroup.make_child("fresh") as fresh:
        killed.kill()
        script = "import sys; from firkin.cgroupfs import Cgroup; sys.exit(Cgroup(sys.argv[1]).spawn(['true']).wait())"
        enter = 'echo 0 > "$0/cgroup.procs" && exec "$@"'
        command = ["sh", "-c", enter, killed.path, sys.executable, "-P", "-c", script, fresh.path]
        assert subprocess.run(command, check=False).returncode == 0


def test_exit_status_and_signal_of_a_process(cgroup: Cgroup) -> None:
    assert cgroup.spawn(["sh", "-c", "exit 7"]).wait() == 7
    process = cgroup.spawn(FOREVER)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    with pytest.raises(ValueError, match="is reaped"):
        process.wait()


def test_environment_and_descriptors_of_a_process(cgroup: Cgroup, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("input\n")
    with open(tmp_path / "in") as source, open(tmp_path / "out", "w") as output:
        command = ["/bin/sh", "-c", "cat; echo $A $HOME; ls /proc/self/fd"]
        process = cgroup.spawn(command, environment={"A": "b"}, stdin=source.fileno(), output=output.fileno())
        assert process.wait() == 0
    # The fourth is of ls itself, which lists them.
    assert (tmp_path / "out").read_text().split() == ["input", "b", "0", "1", "2", "3"]


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/no/such", 127), ("/etc/passwd", 126)])
def test_a_program_that_can_not_be_executed(cgroup: Cgroup, program: str, code: int) -> None:
    with pytest.raises(ExecutableError) as caught:
        cgroup.spawn([program])
    assert caught.value.exit_code == code
    assert cgroup.processes() == []


def test_freeze_waits_until_all_stand_still(cgroup: Cgroup) -> None:
    with cgroup.spawn(["sh", "-c", "while :; do :; done"]):
        cgroup.freeze()
        assert cgroup.core.freeze and cgroup.core.events["frozen"] == 1
        # What was used up to the moment may be counted after it.
        eventually(lambda: used_while(0.05, cgroup), lambda used: used == 0)
        cgroup.thaw()
        assert cgroup.core.events["frozen"] == 0


def test_kill_ends_the_subtree_and_wait_sees_it(cgroup: Cgroup) -> None:
    child = cgroup.make_child("child")
    processes = [group.spawn(FOREVER) for group in (cgroup, child) for _ in range(3)]
    assert sorted(cgroup.processes()) == sorted(process.pid for process in processes)
    cgroup.kill()
    cgroup.wait_empty()
    assert [process.wait() for process in processes] == [-signal.SIGKILL] * 6
    child.close()


def test_a_move_takes_all_threads(cgroup: Cgroup) -> None:
    with subprocess.Popen(FOREVER) as process:
        cgroup.move(process.pid)
        assert cgroup.processes() == [process.pid]
        process.kill()


def test_a_move_of_what_is_not_there(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupValueError, match="no such process"):
        cgroup.move(2**22 - 1)


def test_what_is_in_use_is_not_removed(cgroup: Cgroup) -> None:
    with cgroup.make_child("used") as used, used.spawn(FOREVER), pytest.raises(CgroupBusyError, match="has processes"):
        cgroup.remove_child("used")


def test_a_child_that_is_there(cgroup: Cgroup) -> None:
    cgroup.make_child("twice").close()
    with pytest.raises(CgroupError, match="File exists"):
        cgroup.make_child("twice")
    cgroup.make_child("twice", exist_ok=True).close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_child_has_one_name(cgroup: Cgroup, name: str) -> None:
    with pytest.raises(CgroupPathError):
        cgroup.child(name)


def test_limits_of_the_tree_are_told(cgroup: Cgroup) -> None:
    cgroup.core.max_descendants = 1
    cgroup.make_child("one").close()
    with pytest.raises(CgroupLimitError, match=r"cgroup\.max\.descendants"):
        cgroup.make_child("two")
    cgroup.core.max_descendants = "max"
    cgroup.core.max_depth = 1
    with cgroup.child("one") as one, pytest.raises(CgroupLimitError, match=r"cgroup\.max\.depth"):
        one.make_child("deeper")


def test_threads_go_where_their_process_is(cgroup: Cgroup) -> None:
    threaded = cgroup.make_child("threaded")
    threaded.core.type = "threaded"
    assert threaded.core.type == "threaded"
    assert cgroup.core.type == "domain threaded"
    with cgroup.spawn(FOREVER) as process:
        threaded.move_thread(process.pid)
        assert threaded.core.threads == [process.pid]
        with pytest.raises(CgroupTopologyError, match="threaded"):
            _ = threaded.core.procs
    threaded.close()


def test_a_cgroup_that_vanished(cgroup: Cgroup) -> None:
    child = cgroup.make_child("short")
    cgroup.remove_child("short")
    for act in (lambda: child.core.events, lambda: child.kill(), lambda: child.make_child("x"), child.processes):
        with pytest.raises(CgroupGoneError):
            act()
    with pytest.raises(CgroupGoneError):
        child.spawn(FOREVER)
    child.close()
    with pytest.raises(ValueError, match="is closed"):
        child.fileno()


def test_a_controller_that_is_not_there(cgroup: Cgroup) -> None:
    reasons = find_hierarchy().missing()
    for name in sorted({"memory", "pids"} & reasons.keys()):
        with pytest.raises(ControllerError, match=f"the {name} controller is {reasons[name]}"):
            cgroup.write(f"{name}.max", "5")
        with pytest.raises(ControllerError, match=reasons[name]):
            Cgroup.make(f"{cgroup.path.rpartition('/')[2]}/x", [name])
    with pytest.raises(ControllerError, match="unknown to this kernel"):
        cgroup.enable(["nonsense"])
    assert list(cgroup.children()) == []


def test_a_file_that_the_kernel_lacks(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupFileError, match="this kernel has no such file"):
        cgroup.read("cgroup.nonsense")
    with pytest.raises(CgroupFileError, match="the root of the hierarchy has no such file"):
        Cgroup(".").kill()


def test_not_permitted(cgroup: Cgroup) -> None:
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        try:
            cgroup.make_child("mine")
        except CgroupPermissionError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.requires("memory")
def test_controllers_are_given_from_the_top(cgroup: Cgroup) -> None:
    name = cgroup.path.rpartition("/")[2]
    with Cgroup.make(f"{name}/a/b", ["memory"]) as made:
        made.memory.max = "64m"
        assert made.memory.max == 64 << 20
        assert made.core.controllers == {"memory"}
        assert cgroup.core.subtree_control == {"memory"}
        made.enable(["memory"])
        assert made.core.subtree_control == {"memory"}


@pytest.mark.requires("memory", "pids")
def test_the_ancestor_that_refuses_is_named_and_nothing_is_enabled(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as first, first.make_child("b") as second, first.spawn(FOREVER) as process:
        with pytest.raises(CgroupBusyError, match=rf"{first.path} has 1 processes of its own \({process.pid}\)"):
            second.enable(["memory", "pids"])
        assert cgroup.core.subtree_control == set()
        with pytest.raises(CgroupBusyError):
            Cgroup.make(f"{second.path.removeprefix(find_hierarchy().mount + '/')}/c/d", ["memory"])
        assert list(second.children()) == []


@pytest.mark.requires("memory")
def test_a_controller_in_use_is_not_taken_away(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as child:
        child.enable(["memory"])
        with pytest.raises(CgroupBusyError):
            cgroup.disable(["memory"])


@pytest.mark.requires("memory")
def test_a_controller_that_is_not_enabled_here(cgroup: Cgroup) -> None:
    with cgroup.make_child("a") as child, pytest.raises(ControllerError, match="enable memory in"):
        child.memory.max = 1


CHURN = """
import os, sys
from firkin.cgroupfs import Cgroup
top = Cgroup(sys.argv[1])
print("ready", flush=True)
while True:
    groups = [top.make_child(f"g{n}", exist_ok=True) for n in range(50)]
    for group in groups:
        group.core.max_depth = 3
        group.spawn(["sleep", "1000"])
    for n, group in enumerate(groups):
        Cgroup.destroy(group.path)
        group.close()
"""


def test_killed_at_any_moment_the_next_call_cleans_up() -> None:
    name = scratch_name()
    with Cgroup.make(name) as top:
        for delay in (0.0, 0.01, 0.03, 0.1, 0.2, 0.4):
            child = subprocess.Popen([sys.executable, "-P", "-c", CHURN, top.path], stdout=subprocess.PIPE)
            assert child.stdout and child.stdout.readline() == b"ready\n"
            try:
                child.wait(delay)
            except subprocess.TimeoutExpired:
                child.kill()
            child.wait()
            child.stdout.close()
            Cgroup.destroy(top.path) if delay == 0.4 else top.kill()
            if delay != 0.4:
                top.wait_empty()
                top.remove_children()
                assert list(top.children()) == []
    assert not os.path.exists(f"{find_hierarchy().mount}/{name}")

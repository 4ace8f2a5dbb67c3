"""A delegated cgroup is its user's, and nothing beyond it is, however the user tries."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firkin.cgroupfs import Cgroup, find_hierarchy
from firkin.cgroupfs.containment import check_move, explain_refusal
from firkin.cgroupfs.delegation import delegatable_files, delegate
from firkin.errors import CgroupGoneError, CgroupPathError, CgroupPermissionError, CgroupValueError
from tests.support import delegatee

pytestmark = pytest.mark.requires("root", "cgroup2")

USER, GROUP, STRANGER = 54321, 54322, 54399
FOREVER = ["sleep", "1000"]
_ATTACKER = [sys.executable, "-P", delegatee.__file__ or ""]


@dataclass(frozen=True)
class Scene:
    """Three children of `top`: two that are the user's, and one that is a stranger's."""

    top: Cgroup
    own: Cgroup
    mine_too: Cgroup
    foreign: Cgroup


@pytest.fixture
def scene(cgroup: Cgroup) -> Iterator[Scene]:
    """Delegated cgroups."""
    given = [name for name in cgroup.read("cgroup.controllers").split() if name in ("cpu", "memory", "pids", "cpuset")]
    cgroup.enable(given)
    with (
        cgroup.make_child("own") as own,
        cgroup.make_child("mine-too") as mine_too,
        cgroup.make_child("foreign") as foreign,
        delegate(own, USER, GROUP),
        delegate(mine_too, USER, GROUP),
        delegate(foreign, STRANGER, STRANGER),
    ):
        yield Scene(cgroup, own, mine_too, foreign)
        cgroup.kill()
        cgroup.wait_empty()


def owner(group: Cgroup, file: str = ".") -> tuple[int, int]:
    status = os.stat(file, dir_fd=group.fileno())
    return status.st_uid, status.st_gid


def files(group: Cgroup) -> list[str]:
    return [name for name in os.listdir(group.fileno()) if (Path(group.path) / name).is_file()]


def test_exactly_the_directory_and_the_kernels_list_is_given(cgroup: Cgroup) -> None:
    with cgroup.make_child("own") as own, delegate(own, USER, GROUP):
        changed = {name for name in files(own) if owner(own, name) != (0, 0)}
        assert changed == set(delegatable_files()) & set(files(own))
        assert {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} <= changed
        assert {owner(own, name) for name in [".", *changed]} == {(USER, GROUP)}
        assert owner(cgroup) == (0, 0)


def test_the_group_stays_unless_one_is_given(cgroup: Cgroup) -> None:
    with cgroup.make_child("own") as own, delegate(own, USER):
        assert owner(own) == owner(own, "cgroup.procs") == (USER, 0)


def test_undoing_gives_everything_back(cgroup: Cgroup) -> None:
    with cgroup.make_child("own") as own:
        delegation = delegate(own, USER, GROUP)
        run_as_user("mkdir", "-p", f"{own.path}/a/b")
        with own.child("a") as a, a.child("b") as b:
            assert owner(b) == owner(b, "cgroup.procs") == owner(b, "cgroup.max.depth") == (USER, USER)
            delegation.undo()
            delegation.undo()
            for group in (own, a, b):
                assert {owner(group, name) for name in [".", *files(group)]} == {(0, 0)}
        assert run_as_user("mkdir", f"{own.path}/c").returncode != 0


def test_undoing_leaves_alone_what_others_own_below(cgroup: Cgroup) -> None:
    with cgroup.make_child("own") as own:
        with delegate(own, USER, GROUP), own.make_child("other") as other:
            delegate(other, STRANGER, STRANGER)
        with own.child("other") as other:
            assert owner(other) == owner(other, "cgroup.procs") == (STRANGER, STRANGER)
            assert owner(other, "cgroup.max.depth") == (0, 0)


def test_undoing_of_a_cgroup_that_is_gone_is_no_error(cgroup: Cgroup) -> None:
    with cgroup.make_child("own") as own, delegate(own, USER):
        cgroup.remove_child("own")


def test_what_can_not_be_delegated(cgroup: Cgroup) -> None:
    with Cgroup(".") as root, pytest.raises(CgroupPathError, match="is the root of the hierarchy"):
        delegate(root, USER)
    with Cgroup(".") as root:
        assert owner(root) == (0, 0)
    for uid, gid in ((-1, None), (1 << 32, None), ((1 << 32) - 1, None), (USER, -1)):
        with pytest.raises(CgroupValueError, match="is not the id"):
            delegate(cgroup, uid, gid)
    with cgroup.make_child("own") as own:
        cgroup.remove_child("own")
        with pytest.raises(CgroupGoneError):
            delegate(own, USER)


def run_as_user(*command: str) -> subprocess.CompletedProcess[str]:
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return subprocess.run([*user, *command], capture_output=True, text=True, check=False)


_GIVE = """
import sys
from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.delegation import delegate
with Cgroup(sys.argv[1]) as group:
    delegate(group, 1, 1)
"""


def test_who_may_not_give_is_told_and_nothing_is_given(scene: Scene) -> None:
    done = run_as_user(sys.executable, "-P", "-c", _GIVE, scene.own.path)
    assert done.returncode == 1
    assert f"CgroupPermissionError: change the owner of {scene.own.path}" in done.stderr
    assert owner(scene.own) == (USER, GROUP)


# The ways to be the user: with the identity alone, and as the root of a user namespace of one's own.
_PLAIN: list[str] = []
_NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "--cgroup"]
_NO_CGROUP_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
_ALL = [name for name in delegatee.ATTACKS if name not in ("control", "inherited-sibling")]


def serve(end: socket.socket) -> None:
    """Write, with all privilege, the pid in a message to the descriptor that came with it."""
    data, fds, _, _ = socket.recv_fds(end, 64, 1)
    if not fds:
        return
    try:
        os.write(fds[0], data)
        end.send(b"0")
    except OSError as error:
        end.send(str(error.errno).encode())
    os.close(fds[0])


def attack(scene: Scene, way: list[str], attacks: list[str], user: int = USER) -> dict[str, str | None]:
    """What each of the attacks met, from inside of the delegated cgroup."""
    sibling = scene.mine_too.open("cgroup.procs", os.O_WRONLY)
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=serve, args=(ours,))
    server.start()
    identity = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    join = ["sh", "-ec", 'echo 0 > "$0/cgroup.procs"; exec "$@"', scene.own.path]
    paths = [scene.own.path, scene.mine_too.path, scene.foreign.path, scene.top.path]
    done = subprocess.run(
        [*join, *identity, *way, *_ATTACKER, *paths, *attacks],
        env={**os.environ, "SIBLING": str(sibling), "SERVER": str(theirs.fileno())},
        pass_fds=(sibling, theirs.fileno()), stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    theirs.close()
    server.join()
    ours.close()
    os.close(sibling)
    result: dict[str, str | None] = json.loads(done.stdout)
    assert list(result) == attacks
    return result


@pytest.mark.requires("userns", "cgroupns")
@pytest.mark.parametrize("way", [_PLAIN, _NO_CGROUP_NAMESPACE, _NAMESPACES], ids=["plain", "userns", "cgroupns"])
def test_a_delegatee_stays_inside(scene: Scene, way: list[str]) -> None:
    before = {group.path: sorted(files(group)) for group in scene.top.walk()}
    result = attack(scene, way, ["control", *_ALL])
    assert result.pop("control") is None, "what is the user's right does not work either"
    assert {name for name, met in result.items() if met is None} == set(), result
    assert set(result.values()) <= {"EACCES", "EPERM", "ENOENT", "EBUSY"}, result
    assert {group.path: sorted(files(group)) for group in scene.top.walk()} == before


@pytest.mark.requires("userns", "cgroupns")
def test_a_mount_of_ones_own_shows_the_own_subtree_or_nothing(scene: Scene) -> None:
    assert attack(scene, _NO_CGROUP_NAMESPACE, ["mount"]) == {"mount": "EPERM"}
    assert attack(scene, _NAMESPACES, ["mount"]) == {"mount": "ENOENT"}


def test_who_hands_out_a_writable_descriptor_gives_away_what_it_is_for(scene: Scene) -> None:
    # The rules ask for the rights of who opened the file: the runtime must not leak one of these.
    assert attack(scene, _PLAIN, ["inherited-sibling"]) == {"inherited-sibling": None}


@pytest.mark.requires("unified", "cgroupns")
def test_with_nsdelegate_a_cgroup_namespace_holds_even_root(scene: Scene) -> None:
    assert "nsdelegate" in find_hierarchy().options
    held = ["move-up", "move-to-foreign", "move-to-own-sibling", "clone-to-foreign", "clone-up", "raise-limits"]
    result = attack(scene, ["unshare", "--cgroup", "--mount"], held, user=0)
    assert set(result.values()) <= {"ENOENT", "EPERM", "EACCES"}, result
    free = attack(scene, _PLAIN, ["move-to-foreign"], user=0)
    assert free == {"move-to-foreign": None}


@pytest.fixture
def without_nsdelegate() -> Iterator[None]:
    """The hierarchy without the mount option, in a guest that is thrown away."""
    mount = find_hierarchy().mount
    # With the source named the program takes no option from what is mounted.
    remount = ["mount", "-t", "cgroup2", "cgroup2", mount, "-o"]
    subprocess.run([*remount, "remount,memory_recursiveprot"], check=True)
    yield
    subprocess.run([*remount, "remount,nsdelegate,memory_recursiveprot"], check=True)


@pytest.mark.requires("unified", "userns", "cgroupns", "memory", "pids", "cpu", "cpuset")
@pytest.mark.parametrize("way", [_PLAIN, _NO_CGROUP_NAMESPACE, _NAMESPACES], ids=["plain", "userns", "cgroupns"])
def test_a_delegatee_stays_inside_without_nsdelegate_and_with_limits(
    scene: Scene, way: list[str], without_nsdelegate: None
) -> None:
    assert "nsdelegate" not in find_hierarchy().options
    scene.own.memory.max, scene.own.pids.max, scene.own.cpu.max = "64m", 50, "50000 100000"
    limits = {name: scene.own.read(name) for name in ("memory.max", "pids.max", "cpu.max", "cpuset.cpus.partition")}
    result = attack(scene, way, ["control", *_ALL])
    assert result.pop("control") is None
    assert {name for name, met in result.items() if met is None} == set(), result
    assert {name: scene.own.read(name) for name in limits} == limits


_CHECK = """
import os, sys
from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.containment import check_move
from firkin.errors import CgroupPermissionError
with Cgroup(sys.argv[1]) as target:
    try:
        check_move(target)
        said = ""
    except CgroupPermissionError as error:
        said = str(error)
try:
    with open(f"{sys.argv[1]}/cgroup.procs", "w") as file:
        file.write("0")
    met = ""
except OSError as error:
    met = error.strerror
print(f"{met}: {said}")
"""


def check_as(scene: Scene, target: str, user: int = USER, way: tuple[str, ...] = ()) -> str:
    """What the kernel said to a move out of the delegated cgroup, and what was said before."""
    join = ["sh", "-ec", 'echo 0 > "$0/cgroup.procs"; exec "$@"', scene.own.path]
    identity = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    command = [*join, *identity, *way, sys.executable, "-P", "-c", _CHECK, target]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_a_move_that_the_kernel_allows_passes_the_check(scene: Scene) -> None:
    run_as_user("mkdir", f"{scene.own.path}/leaf")
    assert check_as(scene, f"{scene.own.path}/leaf") == ":"
    assert check_as(scene, scene.foreign.path, user=0) == ":"


def test_a_target_that_is_not_delegated_is_named(scene: Scene) -> None:
    text = check_as(scene, scene.foreign.path)
    assert text.startswith(f"Permission denied: move to {scene.foreign.path}: ")
    assert f"{scene.foreign.path}/cgroup.procs is not writable to user {USER}" in text


def test_the_common_ancestor_that_is_not_delegated_is_named(scene: Scene) -> None:
    text = check_as(scene, scene.mine_too.path)
    assert text.startswith(f"Permission denied: move to {scene.mine_too.path}: ")
    assert f"{scene.top.path}/cgroup.procs, of the common ancestor, is not writable" in text


@pytest.mark.requires("unified", "cgroupns")
def test_a_target_outside_of_the_namespace_is_named(scene: Scene) -> None:
    text = check_as(scene, scene.top.path, user=0, way=("unshare", "--cgroup"))
    assert text.startswith("No such file or directory: ")
    assert "outside of this cgroup namespace" in text


def test_a_process_that_is_not_there_can_not_be_moved(cgroup: Cgroup) -> None:
    with cgroup.spawn(["true"]) as process:
        process.wait()
        with pytest.raises(CgroupValueError, match=f"{process.pid}: no such process"):
            check_move(cgroup, process.pid)


def test_a_move_to_a_removed_cgroup_is_refused(cgroup: Cgroup) -> None:
    with cgroup.make_child("x") as child:
        cgroup.remove_child("x")
        with pytest.raises(CgroupPermissionError):
            check_move(child)


_FIND = """
from firkin.cgroupfs.delegation import find_delegated
from firkin.errors import CgroupPermissionError
try:
    found = find_delegated()
    print(found.path, found.here, ",".join(sorted(found.controllers)))
except CgroupPermissionError as error:
    print(error)
"""


def find_as(user: int, group: str) -> str:
    join = ["sh", "-ec", 'echo 0 > "$0/cgroup.procs"; exec "$@"', group]
    identity = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    command = [*join, *identity, sys.executable, "-P", "-c", _FIND]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_the_topmost_cgroup_that_the_user_owns_is_found(scene: Scene) -> None:
    run_as_user("mkdir", "-p", f"{scene.own.path}/a/b")
    controllers = ",".join(sorted(scene.own.read("cgroup.controllers").split()))
    for here in (scene.own.path, f"{scene.own.path}/a", f"{scene.own.path}/a/b"):
        assert find_as(USER, here) == f"{scene.own.path} {here} {controllers}".strip()


def test_a_directory_without_its_files_is_not_delegated(scene: Scene) -> None:
    os.chown(scene.top.path, USER, USER)
    assert find_as(USER, scene.own.path).split()[0] == scene.own.path


def test_a_user_who_was_given_nothing_is_told_what_to_do(scene: Scene) -> None:
    text = find_as(USER, scene.foreign.path)
    assert text.startswith(f"find the delegated cgroup: user {USER} owns neither {scene.foreign.path}")
    assert "systemd-run --user --scope" in text


@pytest.mark.parametrize("way", [check_move, Cgroup.move])
def test_errors_say_which_file_would_have_to_be_writable(scene: Scene, way: Callable[[Cgroup, int], None]) -> None:
    expected = f"{scene.top.path}/cgroup.procs", errno.EACCES if way is Cgroup.move else 0
    with scene.own.spawn(FOREVER) as process:
        pid = os.fork()
        if pid == 0:
            os.setresuid(USER, USER, USER)
            try:
                way(scene.mine_too, process.pid)
            except CgroupPermissionError as error:
                os._exit(0 if (error.file, error.errno) == expected else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert process.pid in scene.own.processes()


def test_a_refusal_that_is_not_understood_is_the_kernels_own(scene: Scene) -> None:
    refusal = CgroupPermissionError("no", errno=errno.EPERM)
    assert explain_refusal(scene.own, 0, refusal) is refusal
    with scene.own.spawn(["true"]) as process:
        process.wait()
        assert explain_refusal(scene.own, process.pid, refusal) is refusal

"""Containers born in a nursery: like any other, but without a copy of the host's mounts on their way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from firkin.errors import FirkinError
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.sandbox import SandboxRequest
from firkin.runtime.host import read_host
from firkin.runtime.monitor.client import STDIN, STDOUT
from firkin.runtime.monitor.launch import NURSERY, Launcher, Order
from firkin.runtime.nursery import Nursery
from firkin.runtime.sandbox import make_sandbox, remove_sandbox
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors, read_until
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests, as a server has it."""
    with Nursery() as made:
        yield made


_LOOK = """
import ctypes, json, os, sys
assert ctypes.CDLL(None).setns(os.open(sys.argv[1], os.O_RDONLY), 0x00020000) == 0
points = sorted(line.split()[4] for line in open("/proc/self/mountinfo"))
print(json.dumps([sorted(os.listdir("/")), points, os.access("/", os.W_OK)]))
"""


def test_nursery_has_next_to_nothing(nursery: Nursery) -> None:
    argv = [sys.executable, "-c", _LOOK, f"/proc/{os.getpid()}/fd/{nursery.fileno()}"]
    seen = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
    assert seen == [["dev", "proc", "sys"], ["/", "/dev/null", "/proc", "/sys"], False]


@pytest.fixture
def monitors(firkin: Firkin, tmp_path: Path, nursery: Nursery) -> Iterator[Monitors]:
    """As elsewhere, with a nursery for plans that want it."""
    started = Monitors(firkin, tmp_path / "monitors", nursery)
    yield started
    started.close()


def test_nobody_stays_in_the_nursery(nursery: Nursery) -> None:
    inode = os.stat(nursery.path).st_ino
    for link in Path("/proc").glob("[0-9]*/ns/mnt"):
        try:
            assert link.stat().st_ino != inode, link
        except (FileNotFoundError, ProcessLookupError):
            continue


SCRIPT = (
    "sed 's/ - .*//' /proc/self/mountinfo | cut -d' ' -f5,6 | sort; ls -l /dev; echo x > /dev/null;"
    "cat /proc/sysrq-trigger 2>&1; touch /proc/sys/x 2>&1; hostname; id; ls /"
)


@pytest.mark.parametrize("kind", ["plain", "user namespace", "read-only"])
def test_container_is_like_any_other(monitors: Monitors, bundle: Bundle, kind: str) -> None:
    if kind == "user namespace":
        bundle.user_namespace()
    bundle.config["root"]["readonly"] = kind == "read-only"
    bundle.mount("/mnt", "bind", "/usr/share", "rbind", "ro")
    seen = []
    for path in ("", NURSERY):
        watched, end = monitors.run(bundle.shell(SCRIPT), nursery=path)
        assert end.code == 0
        seen.append([line for line in watched.lines() if "firkin-t" not in line and "total" not in line])
    assert seen[0] == seen[1] and len(seen[0]) > 40
    assert any("/mnt ro" in line for line in seen[0])


def test_mounts_of_the_host_still_arrive_where_they_were_asked_for(
    monitors: Monitors, bundle: Bundle, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    (shared / "later").mkdir(parents=True)
    subprocess.run(["mount", "--bind", "--make-shared", str(shared), str(shared)], check=True)
    try:
        bundle.mount("/mnt", "bind", str(shared), "rbind", "rslave")
        bundle.shell("echo ready; read line; ls /mnt/later")
        watched = monitors.start(bundle, nursery=NURSERY, stdin=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared / "later"], check=True)
        (shared / "later/file").touch()
        with watched.attach(STDIN | STDOUT) as client:
            client.send_stdin(b"\n")
            got, _ = read_until(client)
        assert got.endswith(b"file\n")
    finally:
        subprocess.run(["umount", "-R", shared], check=True)


def test_hook_that_wants_the_host_keeps_a_container_out(monitors: Monitors, bundle: Bundle) -> None:
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"test -d {bundle.rootfs}/bin && test -e /usr/bin/env"]}
    bundle.config["hooks"] = {"createContainer": [hook]}
    _, end = monitors.run(bundle.shell("exit 3"), nursery=NURSERY)
    assert end.code == 3


def test_terminal_in_a_nursery(monitors: Monitors, bundle: Bundle) -> None:
    bundle.process["terminal"] = True
    watched, end = monitors.run(bundle.shell("tty; test -c /dev/console"), nursery=NURSERY, terminal=True)
    assert end.code == 0 and watched.lines() == ["stdout F /dev/pts/0"]


@pytest.mark.parametrize("types", [("pid", "ipc"), ("user", "pid", "network")])
def test_sandbox_with_a_process_is_born_there_too(
    nursery: Nursery, firkin: Firkin, tmp_path: Path, types: tuple[str, ...]
) -> None:
    linux: dict[str, object] = {"namespaces": [{"type": name} for name in types]}
    if "user" in types:
        linux |= {kind: [{"containerID": 0, "hostID": 100000, "size": 9}] for kind in ("uidMappings", "gidMappings")}
    text = json.dumps({"ociVersion": "1.3.0", "linux": linux})
    root, id = str(tmp_path / "sandboxes"), f"n{firkin.new_id()}"
    request = SandboxRequest(id=id, state_root=root, nursery=nursery.path)
    sandbox, pidfd = make_sandbox(load_config(text), request, read_host(root))
    try:
        assert list(Path(f"/proc/{sandbox.pid}/root").iterdir()) == []
        mounts = Path(f"/proc/{sandbox.pid}/mountinfo").read_text().splitlines()
        assert len(mounts) == 1
    finally:
        remove_sandbox(root, id)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        os.close(pidfd)


def test_plan_that_wants_a_nursery_fails_without_one(monitors: Monitors, bundle: Bundle, firkin: Firkin) -> None:
    monitors.launcher.close()
    monitors.launcher = Launcher()
    watched = monitors.begin(bundle, nursery=NURSERY)
    assert watched.pending is not None
    with pytest.raises(FirkinError, match=f"{NURSERY}: no such file"):
        watched.pending.finish()
    assert firkin.leftovers(watched.id) == []


def test_plan_outlives_the_nursery_that_it_was_made_with(monitors: Monitors, bundle: Bundle) -> None:
    watched = monitors.prepare()
    plan = monitors.plan(bundle.shell("sleep 1000"), watched.id, nursery=NURSERY)
    # As a server that has started again.
    monitors.launcher.close()
    with Nursery() as other:
        monitors.launcher = Launcher(other)
        watched.started = monitors.launcher.start(plan, watched.directory, Order(log=str(watched.log))).finish()
    # It answers first, and then lets go.
    eventually(lambda: not [link for link in held_by(watched.running.monitor) if link.startswith("mnt:")])
    assert len(held_by(watched.running.monitor)) > 8


def held_by(pid: int) -> list[str]:
    """What the descriptors of a process lead to, without one that it closes meanwhile."""
    links = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            links.append(os.readlink(fd))
    return links

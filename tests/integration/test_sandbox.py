"""Sandboxes: namespaces without processes that containers join, and what is left when they are removed."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.errors import AlreadyExistsError, FirkinError, NotFoundError
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.sandbox import PINNED, SandboxRequest
from firkin.runtime.host import read_host
from firkin.runtime.sandbox import Sandbox, make_sandbox, remove_sandbox
from tests.support.bundle import Bundle, Firkin
from tests.support.mountinfo import mounts_below
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")

MAPS: dict[str, Any] = {
    kind: [{"containerID": 0, "hostID": 100000, "size": 65536}] for kind in ("uidMappings", "gidMappings")
}
# The calls that make, change or remove something outside of the process's own memory.
CALLS = "mkdirat,renameat2,clone3,sendmsg,recvmsg,flock,unlinkat,open_tree,move_mount,umount2,waitid,rmdir,unlink"


class Sandboxes:
    """Makes sandboxes below a state root of its own, and removes them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.all: list[str] = []
        self.pidfds: list[int] = []

    def new_id(self) -> str:
        """An id that no other test uses."""
        self.all.append(f"s{uuid.uuid4().hex[:12]}")
        return self.all[-1]

    def document(self, *types: str, hostname: str = "", **linux: Any) -> dict[str, Any]:
        """A configuration with these namespaces."""
        namespaces = [{"type": name} for name in types]
        return {"ociVersion": "1.3.0", "hostname": hostname, "linux": {"namespaces": namespaces, **linux}}

    def make(self, *types: str, hostname: str = "", oom_score_adj: int | None = None, **linux: Any) -> Sandbox:
        """A new sandbox."""
        config = load_config(dump(self.document(*types, hostname=hostname, **linux)))
        request = SandboxRequest(id=self.new_id(), state_root=str(self.root), oom_score_adj=oom_score_adj)
        sandbox, pidfd = make_sandbox(config, request, read_host(str(self.root)))
        if pidfd >= 0:
            self.pidfds.append(pidfd)
        return sandbox

    def leftovers(self, id: str) -> list[str]:
        """What is left of a sandbox: its directory, its mounts, its cgroup."""
        places = [self.root / id, Path(find_hierarchy().mount) / f"firkin-{id}"]
        return [str(place) for place in places if place.exists()] + mounts_below(self.root / id)

    def close(self) -> None:
        """Remove all; fails if anything is left."""
        for id in self.all:
            remove_sandbox(str(self.root), id)
            assert self.leftovers(id) == []
        for pidfd in self.pidfds:
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
            os.close(pidfd)


@pytest.fixture
def sandboxes(tmp_path: Path, firkin: Firkin) -> Iterator[Sandboxes]:
    """Sandboxes that are removed when the test ends, before `firkin` looks for what is left."""
    made = Sandboxes(tmp_path / "sandboxes")
    yield made
    made.close()


def joining(bundle: Bundle, sandbox: Sandbox, *new: str) -> Bundle:
    """The bundle with all namespaces of a sandbox, and `new` ones."""
    bundle.config.pop("hostname", None)
    return bundle.namespaces("mount", "cgroup", *new, **{name: sandbox.path(name) for name in sandbox.namespaces})


def test_container_joins_what_no_process_holds(sandboxes: Sandboxes, bundle: Bundle, firkin: Firkin) -> None:
    sysctl = {"net.ipv4.ip_unprivileged_port_start": "0", "kernel.shm_rmid_forced": "1"}
    sandbox = sandboxes.make("network", "ipc", "uts", hostname="pod", sysctl=sysctl)
    assert sandbox.pid == 0 and sandbox.namespaces == ("network", "ipc", "uts")
    files = "/proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced"
    script = f"hostname; cat {files}; ip link show lo | grep -c LOWER_UP; readlink /proc/self/ns/net"
    outputs = [firkin.run(joining(bundle, sandbox, "pid").shell(script)) for _ in range(2)]
    assert outputs[0].splitlines()[:4] == ["pod", "0", "1", "1"]
    assert outputs[0] == outputs[1]
    assert os.readlink("/proc/self/ns/net") not in outputs[0]


def test_removed_sandbox_leaves_nothing(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.make("network", "ipc", "uts", "pid", hostname="pod")
    assert len(mounts_below(sandboxes.root / sandbox.id)) == 4
    process = sandbox.open_process()
    for _ in range(2):
        remove_sandbox(str(sandboxes.root), sandbox.id)
    assert sandboxes.leftovers(sandbox.id) == []
    poller = select.poll()
    poller.register(process, select.POLLIN)
    assert poller.poll(SECONDS * 1000)
    os.close(process)
    with pytest.raises(NotFoundError, match="does not exist"):
        Sandbox(str(sandboxes.root), sandbox.id)


def test_containers_share_a_pid_namespace(sandboxes: Sandboxes, bundle: Bundle, firkin: Firkin) -> None:
    sandbox = sandboxes.make("network", "ipc", "uts", "pid", oom_score_adj=123)
    first = firkin.start(joining(bundle, sandbox).shell("exec sleep 1234"))
    seen = firkin.run(
        joining(bundle, sandbox).shell("ps -o pid,args; kill -TERM 1; kill -9 1; cat /proc/1/oom_score_adj")
    )
    assert re.search(r"^ +1 firkin-init", seen, re.MULTILINE) and "sleep 1234" in seen
    assert seen.splitlines()[-1] == "123"
    # The orphan belongs to the first process of the namespace, which reaps it.
    script = (
        "(sleep 0.01 & echo $!) > /tmp/pid; read pid < /tmp/pid; while kill -0 $pid 2>/dev/null; do :; done; echo gone"
    )
    assert firkin.run(joining(bundle, sandbox).shell(script)) == "gone\n"
    assert firkin.state(first)["status"] == "running"
    remove_sandbox(str(sandboxes.root), sandbox.id)
    assert firkin.state(first)["status"] == "stopped"


def test_process_of_a_pid_namespace_has_and_shows_nothing(sandboxes: Sandboxes, bundle: Bundle, firkin: Firkin) -> None:
    sandbox = sandboxes.make("pid", "network")
    process = Path(f"/proc/{sandbox.pid}")
    assert list((process / "root").iterdir()) == [] and list((process / "fd").iterdir()) == []
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (process / "cgroup").read_text().splitlines()[-1] == f"0::/firkin-{sandbox.id}"
    sizes = (process / "smaps_rollup").read_text()
    assert int(next(line.split()[1] for line in sizes.splitlines() if line.startswith("Rss:"))) < 100
    # Not even to who may look into every process.
    every = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT"]
    bundle.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), every)
    script = "ls -A /proc/1/root | wc -l; ls /proc/1/fd | wc -l; ls -A /proc/1/cwd/ | wc -l"
    assert firkin.run(joining(bundle, sandbox).shell(script)).split() == ["0", "0", "0"]


@pytest.mark.requires("userns")
@pytest.mark.parametrize("types", [("network", "ipc", "uts"), ("network", "ipc", "uts", "pid")])
def test_user_namespace_owns_the_others(
    sandboxes: Sandboxes, bundle: Bundle, firkin: Firkin, types: tuple[str, ...]
) -> None:
    sysctl = {"net.ipv4.ip_unprivileged_port_start": "80"}
    sandbox = sandboxes.make("user", *types, hostname="pod", sysctl=sysctl, **MAPS)
    bundle.user_namespace()
    for kind in MAPS:
        del bundle.linux[kind]
    new = () if "pid" in types else ("pid",)
    bundle.process["capabilities"] = {key: ["CAP_NET_ADMIN"] for key in ("bounding", "effective", "permitted")}
    files = "/proc/self/uid_map /proc/sys/net/ipv4/ip_unprivileged_port_start"
    script = f"hostname; cat {files}; ip link set lo down && echo own"
    lines = firkin.run(joining(bundle, sandbox, *new).shell(script)).splitlines()
    assert lines[0] == "pod" and lines[1].split() == ["0", "100000", "65536"] and lines[2:] == ["80", "own"]


def test_sandbox_on_the_hosts_namespaces(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.make()
    assert sandbox.namespaces == () and sandbox.pid == 0
    with pytest.raises(NotFoundError, match="has no network namespace"):
        sandbox.path("network")


def test_failure_is_told_with_its_place_and_leaves_nothing(sandboxes: Sandboxes) -> None:
    with pytest.raises(FirkinError, match=r"linux\.sysctl\[net\.ipv4\.nothing\]: .*No such file"):
        sandboxes.make("network", "pid", sysctl={"net.ipv4.nothing": "1"})
    assert sandboxes.leftovers(sandboxes.all[-1]) == []


def test_second_sandbox_of_a_name_is_refused(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.make("network")
    before = os.stat(sandbox.path("network")).st_ino
    sandboxes.new_id = lambda: sandbox.id  # type: ignore[method-assign]
    with pytest.raises(AlreadyExistsError, match="exists already"):
        sandboxes.make("network")
    assert os.stat(sandbox.path("network")).st_ino == before


def test_end_of_the_process_of_a_pid_namespace_is_seen(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.make("pid")
    os.kill(sandbox.pid, 15)
    poller = select.poll()
    poller.register(sandboxes.pidfds[-1], select.POLLIN)
    assert poller.poll(SECONDS * 1000)
    assert sandbox.open_process() == -1


_SCRIPT = """
import sys
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.sandbox import SandboxRequest
from firkin.runtime.host import read_host
from firkin.runtime.sandbox import make_sandbox, remove_sandbox
action, root, id, document = sys.argv[1:]
if action == "make":
    make_sandbox(load_config(document), SandboxRequest(id=id, state_root=root), read_host(root))
else:
    remove_sandbox(root, id)
"""


def traced(output: Path, inject: str, *arguments: str) -> int:
    command = ["strace", "-o", str(output), "-e", f"trace={CALLS}", *(["-e", inject] if inject else [])]
    null = subprocess.DEVNULL
    argv = [*command, sys.executable, "-I", "-c", _SCRIPT, *arguments]
    return subprocess.run(argv, stdin=null, stdout=null, stderr=null, check=False, timeout=SECONDS).returncode


def steps(trace: str) -> list[tuple[str, int]]:
    """The calls of a trace, each with its number among its like."""
    counts: dict[str, int] = {}
    found = []
    for name in re.findall(r"^(\w+)\(", trace, re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
        found.append((name, counts[name]))
    return found


@pytest.mark.requires("strace")
@pytest.mark.parametrize("types", [("network", "uts"), ("uts", "pid")])
def test_killed_at_any_step_leaves_nothing_that_removal_does_not_remove(
    sandboxes: Sandboxes, tmp_path: Path, types: tuple[str, ...]
) -> None:
    document, root, output = dump(sandboxes.document(*types, hostname="pod")), str(sandboxes.root), tmp_path / "trace"
    whole = sandboxes.new_id()
    assert traced(output, "", "make", root, whole, document) == 0
    making = steps(output.read_text())
    assert traced(output, "", "remove", root, whole, "") == 0
    removing = steps(output.read_text())
    assert sandboxes.leftovers(whole) == []
    assert len(making) >= 12 and len(removing) >= 8
    killed = 0
    for action, found in (("make", making), ("remove", removing)):
        for call, number in found:
            id = sandboxes.new_id()
            if action == "remove":
                assert traced(output, "", "make", root, id, document) == 0
            killed += traced(output, f"inject={call}:signal=SIGKILL:when={number}", action, root, id, document) != 0
            remove_sandbox(root, id)
            assert sandboxes.leftovers(id) == [], f"killed at {call} {number} of {action}"
    assert killed >= 20


def test_record_says_what_there_is(sandboxes: Sandboxes) -> None:
    sandbox = sandboxes.make("pid", "ipc", cgroupsPath=f"firkin-{sandboxes.new_id()}/init")
    record = json.loads((sandboxes.root / sandbox.id / "state.json").read_text())
    assert record["ready"] is True and record["pid"] == sandbox.pid and set(record["namespaces"]) == {"ipc", "pid"}
    assert sorted(path.name for path in (sandboxes.root / sandbox.id).iterdir()) == ["ipc", "pid", "state.json"]
    assert set(record["namespaces"]) <= set(PINNED)
    parent = Path(find_hierarchy().mount) / record["cgroup"].rpartition("/")[0]
    remove_sandbox(str(sandboxes.root), sandbox.id)
    parent.rmdir()

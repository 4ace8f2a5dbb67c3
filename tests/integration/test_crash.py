"""A runtime that dies by SIGKILL between any two steps leaves nothing that `delete --force` does not remove."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS, eventually

pytestmark = [pytest.mark.requires("root", "cgroup2", "strace"), pytest.mark.usefixtures("every_front")]
# The calls by which `create` changes something outside of its own memory, in the runtime's process.
CALLS = "mkdirat,renameat2,mknodat,clone3,sendmsg,recvmsg,bpf,write,flock,unlinkat,memfd_create,open_tree,socketpair"


def traced(firkin: Firkin, output: Path, id: str, bundle: Path, inject: str = "") -> subprocess.CompletedProcess[str]:
    command = ["strace", "-o", str(output), "-e", f"trace={CALLS}", *(["-e", inject] if inject else [])]
    null = subprocess.DEVNULL
    argv = [*command, *firkin.command("create", "-b", bundle, id)]
    return subprocess.run(argv, stdin=null, stdout=null, stderr=null, text=True, check=False, timeout=SECONDS)


def processes_of(bundle: Path) -> list[str]:
    """Processes that wait to become a workload, by their mounts: the root is the bundle's."""
    found = []
    for exe in Path("/proc").glob("[0-9]*/exe"):
        try:
            if "firkin-init" in str(exe.readlink()) and str(bundle.parent) in (exe.parent / "mountinfo").read_text():
                found.append(str(exe))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def steps(trace: str) -> dict[str, int]:
    """How often each call happens."""
    counts: dict[str, int] = {}
    for name in re.findall(r"^(\w+)\(", trace, re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
    return counts


def test_killed_at_any_step_of_create(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    path = bundle.save()
    output = tmp_path / "trace"
    assert traced(firkin, output, firkin.new_id(), path).returncode == 0
    counts = steps(output.read_text())
    assert counts["clone3"] == 1 and sum(counts.values()) > 20
    killed = 0
    for call, count in counts.items():
        for number in range(1, count + 1):
            id = firkin.new_id()
            done = traced(firkin, output, id, path, f"inject={call}:signal=SIGKILL:when={number}")
            killed += done.returncode != 0
            firkin("delete", "--force", id)
            assert firkin.leftovers(id) == [], f"killed at {call} {number}"
    assert killed > 20
    cgroups = {path.name.removeprefix("firkin-") for path in Path(find_hierarchy().mount).iterdir()}
    assert cgroups & set(firkin.ids[1:]) == set()


def test_child_of_a_dead_runtime_ends_by_itself(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.new_id()
    # The first record from the child: it is set up, and nobody will release it.
    traced(firkin, tmp_path / "trace", id, bundle.save(), "inject=recvmsg:signal=SIGKILL:when=1")
    eventually(lambda: firkin.state(id)["status"], lambda status: status == "stopped")
    firkin("delete", id)
    eventually(lambda: processes_of(bundle.path), lambda left: left == [])


def test_interrupted_delete_is_finished_by_the_next(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    for number in range(1, 6):
        id = firkin.start(bundle)
        command = ["strace", "-o", "/dev/null", "-e", f"inject=unlinkat,rmdir:signal=SIGKILL:when={number}"]
        subprocess.run([*command, *firkin.command("delete", "--force", id)], check=False, timeout=SECONDS)
        firkin("delete", "--force", id)
        assert firkin.leftovers(id) == []

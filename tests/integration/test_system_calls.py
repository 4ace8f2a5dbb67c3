"""What a run asks of the kernel: born in place, nothing resolved twice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2", "strace")
# Calls that resolve a path, for which strace prints it.
_PATH_CALL = re.compile(
    r"(?:open|openat|openat2|stat|lstat|newfstatat|statx|access|faccessat2?|mkdir|mkdirat|mknod|mknodat|mount|umount2|"
    r"symlink|symlinkat|readlink|readlinkat|chown|fchownat|chdir|chroot|open_tree|move_mount|mount_setattr|unlinkat)\("
)


@pytest.fixture
def trace(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> list[str]:
    """All system calls of a `run` and its children up to the execution of the workload."""
    bundle.mount("/mnt/volume", "bind", str(tmp_path), "rbind", "ro")
    output = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-s", "300", "-o", str(output)]
    subprocess.run([*command, *firkin.command("run", "-b", bundle.save(), firkin.new_id())], check=True)
    return output.read_text().splitlines()


def test_process_is_born_in_its_cgroup_and_in_all_new_namespaces_with_one_call(trace: list[str]) -> None:
    births = [line for line in trace if "clone3(" in line]
    assert len(births) == 1
    for flag in ("INTO_CGROUP", "PIDFD", "NEWNS", "NEWPID", "NEWNET", "NEWIPC", "NEWUTS"):
        assert f"CLONE_{flag}" in births[0]


def test_cgroup_procs_is_never_opened(trace: list[str]) -> None:
    assert any("firkin-t" in line and "mkdirat(" in line for line in trace)
    # The command's own modules, which are read from one file, may speak of it.
    assert [line for line in trace if "cgroup.procs" in line and "/modules.bin>" not in line] == []


def test_paths_of_the_root_are_resolved_only_by_openat2_in_root(trace: list[str], bundle: Bundle) -> None:
    rootfs = str(bundle.rootfs)
    resolved = [line for line in trace if rootfs in line and _PATH_CALL.search(line)]
    assert [line.split("(")[0].split()[-1] for line in resolved] == ["open_tree"], "\n".join(resolved)
    # What follows is relative to that tree: an own component of a directory that is open, or openat2.
    inside = [line for line in trace if "openat2(" in line and "O_PATH" in line]
    assert len(inside) > 5
    flags = {"RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS", "RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT"}
    beneath = {"RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH", "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS"}
    for line in inside:
        found = re.search(r"resolve=([A-Z_|]+)", line)
        assert found and found[1] in flags | beneath, line


def test_relative_calls_of_the_executor_name_one_component(trace: list[str]) -> None:
    child = next(line.split()[0] for line in trace if "execveat(" in line)
    mine = [line for line in trace if line.startswith(child)]
    before_pivot = mine[: next(i for i, line in enumerate(mine) if "pivot_root(" in line)]
    for line in before_pivot:
        found = re.search(r"(?:mkdirat|mknodat|fchownat|readlinkat|symlinkat)\(.*?<.*?>, \"([^\"]*)\"", line)
        assert not found or "/" not in found[1] or "symlinkat" in line, line

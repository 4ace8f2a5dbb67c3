"""What statistics cost: of one running container, asked of each runtime, and of many cgroups, read in one pass.

`reader` is firkin.cgroupfs.Reader in this process, which keeps the files open; `Metrics` is a call to a running
containerd, which asks the container's shim, which reads; the others are commands from their start to their end. Each
asks about a container of its own, all of one bundle. crun has no such command. Of many groups, `file by file` opens,
reads and parses each file, as a program does that is not about speed. What there is to read depends on the controllers
that cgroup v2 has: without cpu, memory, io and pids (a hybrid host) it is less for all.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from firkin.cgroupfs import Cgroup, Reader, find_hierarchy
from firkin.workbench.peers.bundle import make_bundle
from firkin.workbench.peers.containerd import containerd
from firkin.workbench.peers.contest import Contest, Effort, as_samples, take_turns
from firkin.workbench.peers.namespaces import in_unified_layout
from firkin.workbench.peers.programs import firkin_program, lacking, run
from firkin.workbench.report.result import Comparison

__all__ = ["ACCOUNTING"]

_QUESTION = "What do the statistics of containers cost?"
_GROUPS = (1000, 100)


def _measure(effort: Effort) -> Comparison:
    count = _GROUPS[effort.quick]
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        one, missing = _of_one_container(stack, Path(directory))
        found = take_turns(_rounds("one container", one), effort)
        many = _of_groups(stack, stack.enter_context(_idle_groups(count)))
        found |= take_turns(_rounds(f"{count} groups", many), effort)
    return Comparison("accounting", _QUESTION, as_samples(found, "us"), {}, missing)


def _rounds(step: str, readers: Mapping[str, Callable[[], object]]) -> dict[str, Callable[[], Mapping[str, float]]]:
    return {name: partial(_timed, step, read) for name, read in readers.items()}


def _timed(step: str, read: Callable[[], object]) -> Mapping[str, float]:
    begin = time.perf_counter()
    read()
    return {step: (time.perf_counter() - begin) * 1e6}


def _of_one_container(stack: ExitStack, place: Path) -> tuple[dict[str, Callable[[], object]], list[str]]:
    name = f"firkin-bench-{os.getpid()}"
    firkin = firkin_program()
    _container(stack, firkin, place, f"{name}-firkin")
    path = f"{find_hierarchy().mount}/{name}-firkin"
    found: dict[str, Callable[[], object]] = {
        "firkin, reader": stack.enter_context(Reader(path)).read,
        "firkin, command": partial(run, firkin, "cgroup", "stat", "--json", path),
    }
    missing = [why for program in ("runc", "containerd") if (why := lacking(program))]
    if not lacking("containerd"):
        bundle = make_bundle(place / f"{name}-containerd", "/bin/sleep", "100000", cgroup=f"{name}-containerd")
        client = stack.enter_context(containerd(place / "containerd", bundle / "config.json", f"{name}-containerd"))
        found["containerd, Metrics"] = client.metrics(f"{name}-containerd")
        found["ctr task metrics"] = partial(run, *client.command, "task", "metrics", f"{name}-containerd")
    if not lacking("runc"):
        _container(stack, "runc", place, f"{name}-runc")
        found["runc events --stats"] = partial(run, "runc", "events", "--stats", f"{name}-runc")
    return found, missing


def _container(stack: ExitStack, program: str, place: Path, name: str) -> None:
    bundle = make_bundle(place / name, "/bin/sleep", "100000", cgroup=name)
    stack.callback(run, program, "delete", "--force", name)
    # The container has its own standard output, else it would hold ours.
    null = subprocess.DEVNULL
    subprocess.run([program, "create", "-b", bundle, name], check=True, stdin=null, stdout=null, stderr=null)
    run(program, "start", name)


def _of_groups(stack: ExitStack, paths: list[str]) -> dict[str, Callable[[], object]]:
    reader = stack.enter_context(Reader(*paths, descriptors=0))
    files = [f"{row.name}/{file.name}" for row in reader.read().rows for file in reader.layout.files]
    there = [file for file in files if os.path.exists(file)]
    threads = len(os.sched_getaffinity(0))

    def read_with(number: int) -> object:
        reader.threads = number
        return reader.read()

    return {
        "firkin, one thread": partial(read_with, 1),
        f"firkin, {threads} threads": partial(read_with, threads),
        "file by file": partial(_read_naively, there),
    }


def _read_naively(files: list[str]) -> dict[str, dict[str, str]]:
    found = {}
    for name in files:
        with open(name) as file:
            lines = [line.rpartition(" ") for line in file]
        found[name] = {key: value for key, _, value in lines}
    return found


@contextmanager
def _idle_groups(count: int) -> Iterator[list[str]]:
    name = f"firkin-bench-groups-{os.getpid()}"
    with Cgroup(".") as root:
        controllers = root.read("cgroup.controllers").split()
    try:
        with Cgroup.make(name, controllers=controllers) as scratch:
            scratch.enable(controllers)
            for number in range(count):
                scratch.make_child(f"g{number}").close()
            yield [f"{scratch.path}/g{number}" for number in range(count)]
    finally:
        Cgroup.destroy(name)


ACCOUNTING = Contest("accounting", _QUESTION, (50, 10), ("busybox", "unshare"), in_unified_layout, _measure)

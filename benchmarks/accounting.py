"""How long it takes to read all statistics of many cgroups, against the least that it can cost and the usual way.

    python benchmarks/accounting.py [--groups 1,100,1000] [--rounds N] [--passes N] [--json FILE]

The readers take turns, pass by pass. `threads` are as many as there are processors. `floor` is a loop in C that makes
the same reads of files that it keeps open and looks at nothing, `floor, opening` one that opens and closes each file.
`naive` opens each file with open(), and makes a dictionary of it. The groups are real ones, made for this and removed.
Needs root, and descriptors: `ulimit -n`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.accounting import Reader
from firkin.cgroupfs.accounting.twin import Table as Twin

Times = dict[str, list[float]]
_USUAL_LIMIT = 1024


@contextmanager
def idle_groups(count: int) -> Iterator[list[str]]:
    """Cgroups without a process, with all controllers that can be had; removed at the end."""
    name = f"firkin-bench-{os.getpid()}"
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


class Floor:
    """The loop in C over a list of files."""

    def __init__(self, program: Path, mode: str, files: list[str]) -> None:
        with tempfile.NamedTemporaryFile("w", delete=False) as listing:
            listing.write("".join(f"{file}\n" for file in files))
        self._listing = listing.name
        self._process = subprocess.Popen(
            [program, mode, listing.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def seconds(self) -> float:
        """The time of one pass."""
        if not self._process.stdin or not self._process.stdout:
            raise RuntimeError("the floor has no pipes")
        self._process.stdin.write(b"\n")
        return int(self._process.stdout.readline()) / 1e9

    def close(self) -> None:
        """End it."""
        self._process.communicate()
        os.unlink(self._listing)


def compile_floor(directory: str) -> Path:
    """Build accounting_floor.c; returns the program."""
    program = Path(directory) / "accounting_floor"
    source = Path(__file__).parent / "accounting_floor.c"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", program, source], check=True)
    return program


def read_naively(files: list[str]) -> dict[str, dict[str, str]]:
    """What a program does that is not about speed."""
    found = {}
    for name in files:
        with open(name) as file:
            lines = [line.rpartition(" ") for line in file]
        found[name] = {key: value for key, _, value in lines}
    return found


def timed(action: Callable[[], object]) -> Callable[[], float]:
    """The seconds that the action takes, as a function."""

    def measure() -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    return measure


def sharing(reader: Reader, threads: int) -> Callable[[], object]:
    """A pass of the reader by so many threads, as a function."""

    def read() -> object:
        reader.threads = threads
        return reader.read()

    return read


def sample(paths: list[str], program: Path, rounds: int) -> tuple[Times, int]:
    """The times of every reader over the groups, and the number of files that each of them reads."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        whole = stack.enter_context(Reader(*paths, descriptors=hard - 1000))
        threads = len(os.sched_getaffinity(0))
        scarce = stack.enter_context(Reader(*paths, descriptors=_USUAL_LIMIT // 2))
        twin = stack.enter_context(Reader(*paths, descriptors=0, table=Twin))
        files = [f"{row.name}/{file.name}" for row in whole.read().rows
                 for file, fd in zip(whole.layout.files, row.fds, strict=True) if fd >= 0]  # fmt: skip
        floors = {mode: Floor(program, mode, files) for mode in ("keep", "open")}
        for floor in floors.values():
            stack.callback(floor.close)
        readers = {
            "firkin": timed(sharing(whole, 1)),
            f"firkin, {threads} threads": timed(sharing(whole, threads)),
            "floor": floors["keep"].seconds,
            f"firkin, {_USUAL_LIMIT // 2} kept": timed(scarce.read),
            "floor, opening": floors["open"].seconds,
            "twin in Python": timed(twin.read),
            "naive": timed(lambda: read_naively(files)),
        }
        return take_turns(readers, rounds), len(files)


def take_turns(readers: dict[str, Callable[[], float]], rounds: int) -> Times:
    """`rounds` passes of each; two before them only warm up."""
    times: Times = {name: [] for name in readers}
    for number in range(-2, rounds):
        for name, seconds in readers.items():
            value = seconds()
            if number >= 0:
                times[name].append(value)
    return times


def table(count: int, files: int, times: Times) -> str:
    """Fastest and median pass, and how many times the fastest is that of the floor, and goes into the naive one's."""
    head = f"{'':18} {'fastest us':>11} {'median us':>11} {'/ floor':>8} {'naive /':>8}"
    lines = [f"{count} groups, {files} files", head]
    floor, naive = min(times["floor"]), min(times["naive"])
    for name, values in times.items():
        fastest, median = min(values), statistics.median(values)
        ratios = f"{fastest / floor:8.2f} {naive / fastest:8.2f}"
        lines.append(f"{name:18} {fastest * 1e6:11.1f} {median * 1e6:11.1f} {ratios}")
    return "\n".join(lines)


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def growth(paths: list[str], passes: int) -> tuple[int, int]:
    """How many bytes the process grew by over the passes, and how many it had before, after a warm-up."""
    with Reader(*paths) as reader:
        for _ in range(100):
            reader.read()
        gc.collect()
        before = resident()
        for _ in range(passes):
            reader.read()
        return resident() - before, before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--groups", default="1,100,1000")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--passes", type=int, default=10_000, help="of the test of memory, over 100 groups")
    parser.add_argument("--json", type=Path, help="write all times to this file")
    options = parser.parse_args()
    found: dict[int, Times] = {}
    with tempfile.TemporaryDirectory() as directory:
        program = compile_floor(directory)
        for count in map(int, options.groups.split(",")):
            with idle_groups(count) as paths:
                found[count], files = sample(paths, program, options.rounds)
            print(table(count, files, found[count]) + "\n", flush=True)
    with idle_groups(100) as paths:
        grown, before = growth(paths, options.passes)
    print(f"{options.passes} passes over 100 groups: {grown // 1024} KiB more than the {before // 1024} KiB before")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""How much processor time `firkin top` takes over many cgroups, at one reading a second.

    python benchmarks/top.py [--groups N] [--cases name,cpu,alive,churn] [--seconds N] [--runs N] [--size COLUMNSxROWS]

The view runs on a pseudo-terminal that is emptied as a terminal would. Cases: `name` is the tree as it is first shown,
`cpu` is sorted by processor time, so that a number of every group is needed, `alive` is that with a process in each
group that wakes twice a second, so that every line changes, `churn` is `cpu` while ten groups are made and removed in
each second. The cases take turns. Of each run there is the whole (user and system time of the process,
from /proc/PID/stat), and second by second what the scheduler counted (/proc/PID/schedstat), which shows whether the
time is in few ticks or in all. `stolen` is what the hypervisor took from the machine meanwhile: on a virtual machine
that is counted as time of whoever ran. The groups are real ones, made for this and removed. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.accounting import idle_groups
from firkin.cgroupfs import Cgroup
from tests.support.bundle import FIRKIN
from tests.support.terminal import Terminal

_TICK = os.sysconf("SC_CLK_TCK")
_CHURN = 10
_CASES = {"name": "name", "cpu": "cpu_percent", "alive": "cpu_percent", "churn": "cpu_percent"}


@dataclass(frozen=True, slots=True)
class Counters:
    """What a process has used so far; times are in seconds, `written` in bytes that reached the terminal."""

    clock: float
    user: float
    system: float
    faults: int
    stolen: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run: parts of one core in percent, page faults a second, and processor time of each second in ms."""

    case: str
    user: float
    system: float
    faults: float
    stolen: float
    written: float
    each: list[float]

    @property
    def whole(self) -> float:
        """User and system time, in percent of a core."""
        return self.user + self.system


def counters(pid: int) -> Counters:
    """The counters of a process, now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    stolen = int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8])
    user, system, faults = (int(fields[number]) for number in (11, 12, 7))
    return Counters(time.monotonic(), user / _TICK, system / _TICK, faults, stolen / _TICK)


def on_cpu(pid: int) -> float:
    """Milliseconds that a process was on a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def drain(terminal: Terminal, until: float) -> int:
    """Take what is shown until that time; returns how many bytes it was."""
    size = 0
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal.master], [], [], left)[0]:
            size += len(os.read(terminal.master, 1 << 16))
    return size


def churn(group: Cgroup, number: int) -> None:
    """Make a few groups, and remove those of the time before."""
    for place in range(_CHURN):
        group.make_child(f"new-{number}-{place}").close()
        group.remove_child(f"new-{number - 1}-{place}")


@contextmanager
def processes(paths: list[str]) -> Iterator[None]:
    """A process in each group that looks at a file twice a second."""
    with tempfile.NamedTemporaryFile() as file:
        command = ["tail", "-f", "-s", "0.5", "---disable-inotify", file.name]
        # Killed one by one: since Linux 6.14 no process is born in a group whose cgroup.kill was used.
        with ExitStack() as stack:
            for path in paths:
                with Cgroup(path) as group:
                    stack.enter_context(group.spawn(command))
            yield


def measure(case: str, path: str, seconds: int, columns: int, rows: int) -> Run:
    """One run of a case over the groups below `path`."""
    argv = [str(FIRKIN), "top", "--sort", _CASES[case], path]
    with Cgroup(path) as group, Terminal(argv, rows=rows, columns=columns) as terminal:
        terminal.expect(b"groups")
        pid = terminal.process.pid
        # The first ticks are not like the others: their rates are new.
        drain(terminal, time.monotonic() + 5)
        before, used, written, each = counters(pid), on_cpu(pid), 0, []
        for number in range(1, seconds + 1):
            if case == "churn":
                churn(group, number)
            written += drain(terminal, before.clock + number)
            last, used = used, on_cpu(pid)
            each.append(used - last)
        after = counters(pid)
        terminal.type(b"q")
        terminal.process.wait()
        if case == "churn":
            for place in range(_CHURN):
                group.remove_child(f"new-{seconds}-{place}")
    passed = after.clock - before.clock
    return Run(
        case,
        user=100 * (after.user - before.user) / passed,
        system=100 * (after.system - before.system) / passed,
        faults=(after.faults - before.faults) / passed,
        stolen=100 * (after.stolen - before.stolen) / passed,
        written=written / passed,
        each=each,
    )


def row(run: Run) -> str:
    """A run in one line."""
    each = sorted(run.each)
    deciles = statistics.quantiles(each, n=10)
    return (
        f"{run.case:6} {run.whole:6.2f} {run.user:6.2f} {run.system:6.2f} "
        f"{each[0]:8.1f} {statistics.median(each):7.1f} {deciles[8]:7.1f} {each[-1]:7.1f} "
        f"{run.faults:9.1f} {run.written:8.0f} {run.stolen:8.2f}"
    )


HEAD = (
    f"{'':6} {'% core':>6} {'user':>6} {'system':>6} {'ms: least':>8} {'median':>6} {'9 of 10':>7} {'most':>7} "
    f"{'faults/s':>9} {'bytes/s':>8} {'stolen %':>8}"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--cases", default=",".join(_CASES))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", default="150x50", help="of the terminal")
    parser.add_argument("--json", type=Path, help="write all runs to this file")
    options = parser.parse_args()
    columns, rows = map(int, options.size.split("x"))
    runs: list[Run] = []
    with ExitStack() as stack:
        paths = stack.enter_context(idle_groups(options.groups))
        print(f"{options.groups} groups, {options.size}, {options.seconds} s each\n{HEAD}", flush=True)
        for _ in range(options.runs):
            for case in options.cases.split(","):
                with processes(paths) if case == "alive" else nullcontext():
                    runs.append(measure(case, os.path.dirname(paths[0]), options.seconds, columns, rows))
                print(row(runs[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1))


if __name__ == "__main__":
    main()

"""What a container under a monitor costs: its start beside `firkin run --detach`, memory, and lines of its log.

    unshare --mount python benchmarks/monitor.py [--rounds N] [--mounts N]

The ways to start take turns. Wall time is that of the caller until the container runs; processor time is that of the
monitor, firkin-init and a container that does nothing, their ends included. `--mounts` is how many mounts there are
beside the usual ones in the second half, which is why this wants a mount namespace of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from firkin.runtime.monitor.launch import NURSERY, Started
from firkin.runtime.nursery import Nursery
from tests.support.bundle import Bundle, Firkin
from tests.support.monitors import Monitors

Samples = dict[str, tuple[list[float], list[float]]]


def processor_ms() -> float:
    """Processor time of all children that have ended, in milliseconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1000


def end(started: Started) -> None:
    """Kill a container, and reap its monitor."""
    os.kill(started.pid, 9)
    os.waitid(os.P_PIDFD, started.monitor_pidfd, os.WEXITED)


class Starts:
    """The ways to start the container of a bundle."""

    def __init__(self, place: Path, nursery: Nursery) -> None:
        self.firkin = Firkin(place / "state")
        self.bundle = Bundle(place / "bundle").shell("exec sleep 1000")
        self.monitors = Monitors(self.firkin, place / "monitors", nursery)

    def monitored(self, nursery: str = "") -> tuple[float, float]:
        """Milliseconds until it runs, compilation included, and of processor time of its whole life."""
        before = processor_ms()
        begin = time.perf_counter()
        watched = self.monitors.start(self.bundle, nursery=nursery)
        wall = (time.perf_counter() - begin) * 1000
        end(watched.running)
        return wall, processor_ms() - before

    def command(self) -> tuple[float, float]:
        """The same by the command, whose own processor time counts too."""
        id = self.firkin.new_id()
        path = self.bundle.save()
        null = subprocess.DEVNULL
        before = processor_ms()
        begin = time.perf_counter()
        subprocess.run(self.firkin.command("run", "-d", "-b", path, id), check=True, stdin=null, stdout=null)
        wall = (time.perf_counter() - begin) * 1000
        return wall, processor_ms() - before


def compare(ways: dict[str, Callable[[], tuple[float, float]]], rounds: int) -> str:
    """A table of fastest and median wall time, and of processor time."""
    samples: Samples = {name: ([], []) for name in ways}
    for number in range(-2, rounds):
        for name, way in ways.items():
            wall, used = way()
            if number >= 0:
                samples[name][0].append(wall)
                samples[name][1].append(used)
    lines = [f"{'':24} {'fastest ms':>10} {'median':>8} {'processor':>10}"]
    for name, (walls, useds) in samples.items():
        lines.append(f"{name:24} {min(walls):10.2f} {statistics.median(walls):8.2f} {min(useds):10.2f}")
    return "\n".join(lines)


def mount_many(place: Path, count: int) -> None:
    """That many more mounts."""
    script = "i=0; while [ $i -lt $1 ]; do : > $0/$i; echo $0/$i; i=$((i+1)); done"
    place.mkdir()
    names = subprocess.run(["sh", "-c", script, str(place), str(count)], capture_output=True, check=True).stdout
    subprocess.run(["xargs", "-n1", "mount", "--bind", "/dev/null"], input=names, check=True)


def memory(starts: Starts, count: int) -> str:
    """The memory of monitors that live beside each other."""
    all = [starts.monitors.start(starts.bundle) for _ in range(count)]
    sizes = []
    for watched in all:
        text = Path(f"/proc/{watched.running.monitor}/smaps_rollup").read_text()
        sizes.append({line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]})
    for watched in all:
        end(watched.running)
    pss, rss = (statistics.mean(size[key] for size in sizes) for key in ("Pss", "Rss"))
    return f"{count} monitors, each: Pss {pss:.0f} KiB, Rss {rss:.0f} KiB"


def throughput(starts: Starts, lines: int) -> str:
    """Processor time of the monitor for a log of many lines."""
    (starts.bundle.rootfs / "bin/yes").symlink_to("busybox")
    starts.bundle.shell(f"yes {'x' * 99} | head -n {lines}")
    watched = starts.monitors.start(starts.bundle)
    poller = select.poll()
    poller.register(watched.running.monitor_pidfd, select.POLLIN)
    poller.poll()
    fields = Path(f"/proc/{watched.running.monitor}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    end_of = watched.end()
    seconds = ticks / os.sysconf("SC_CLK_TCK")
    return f"log of {lines} lines of 100 bytes, {end_of.lost_records} lost: {seconds:.2f} s of the monitor"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--mounts", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory, Nursery() as nursery:
        starts = Starts(Path(directory), nursery)
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "under a monitor": starts.monitored,
            "... in a nursery": lambda: starts.monitored(NURSERY),
            "firkin run --detach": starts.command,
        }
        try:
            print(compare(ways, options.rounds))
            if options.mounts:
                mount_many(Path(directory) / "mounts", options.mounts)
                print(f"\nwith {options.mounts} more mounts\n{compare(ways, options.rounds)}")
                subprocess.run(f"umount {directory}/mounts/*", shell=True, check=True)
            print(f"\n{memory(starts, 100)}\n{throughput(starts, 1_000_000)}")
        finally:
            starts.monitors.close()
            starts.firkin.close()


if __name__ == "__main__":
    main()

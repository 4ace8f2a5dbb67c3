"""Where the time of one `firkin run` goes, by the moments of a few system calls.

    python benchmarks/breakdown.py [--rounds N]

strace filters in the kernel (--seccomp-bpf), so that only these calls are slowed down.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import itertools

from firkin.workbench.peers.namespaces import in_unified_layout
from tests.support.bundle import FIRKIN, Bundle

# The first call that matches begins the step.
MOMENTS = (
    ("interpreter", r"execve\(.*firkin"),
    ("imports", r"openat\(.*modules\.bin"),
    ("read, check, compile", r"openat\(.*bundle.*/config\.json"),
    ("cgroup, descriptors", r"memfd_create\(\"firkin-init\""),
    ("namespaces, firkin-init", r"clone3\("),
    ("mounts ... credentials", r"execveat\("),
    ("the workload", r"execve\(\"/bin/true\""),
    ("wait, delete", r"waitid\("),
)
_CALLS = "execve,execveat,openat,memfd_create,clone3,waitid,exit_group"
_LINE = re.compile(r"\d+ +(\d+\.\d+) (.*)")


def moments(trace: str) -> list[float]:
    """The times, in milliseconds, at which each step begins, and the end."""
    lines = [(float(m[1]) * 1000, m[2]) for line in trace.splitlines() if (m := _LINE.match(line))]
    found = []
    position = 0
    for _, pattern in MOMENTS:
        while not re.match(pattern, lines[position][1]):
            position += 1
        found.append(lines[position][0])
    return [*found, lines[-1][0]]


def trace_run(bundle: Path, number: int) -> list[float]:
    """Durations of the steps of one `run`, in milliseconds."""
    with tempfile.NamedTemporaryFile("r") as output:
        command = ["strace", "-f", "--seccomp-bpf", "-ttt", "-e", f"trace={_CALLS}", "-o", output.name]
        subprocess.run([*command, str(FIRKIN), "run", "-b", str(bundle), f"breakdown-{number}"], check=True)
        times = moments(output.read())
    return [after - before for before, after in itertools.pairwise(times)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds: int = parser.parse_args().rounds
    in_unified_layout()
    with tempfile.TemporaryDirectory(prefix="bundle") as directory:
        bundle = Bundle(Path(directory))
        bundle.process["args"] = ["/bin/true"]
        path = bundle.save()
        samples = [trace_run(path, number) for number in range(rounds)]
    for index, (name, _) in enumerate(MOMENTS):
        values = [sample[index] for sample in samples]
        print(f"{name:26} {statistics.median(values):7.2f} ms   fastest {min(values):6.2f}")


if __name__ == "__main__":
    main()

"""What it takes to get the statistics of one running container: firkin, runc, containerd.

    python benchmarks/one_container.py [--rounds N] [--json FILE]

`reader` is firkin.cgroupfs.Reader in this process, which keeps the files open; `Metrics` is a call to a running
containerd, which asks the container's shim, which reads; the others are commands from their start to their end. Each
asks about a container of its own, all of one bundle, and they take turns. crun has no such command. Runtimes that are
not installed are left out. What there is to read depends on the controllers that cgroup v2 has: without cpu, memory, io
and pids (a hybrid host) it is less for all. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

# At the end: the folder firkin/ must not hide the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.accounting import Times, take_turns, timed
from benchmarks.containerd import containerd
from benchmarks.peers import in_unified_layout
from firkin.cgroupfs import Reader, find_hierarchy
from tests.support.bundle import FIRKIN, Bundle


def silently(*words: str | Path) -> Callable[[], object]:
    """A command that must succeed, as a function."""
    null = subprocess.DEVNULL
    return lambda: subprocess.run(words, check=True, stdin=null, stdout=null)


def bundle(directory: Path, name: str) -> Path:
    """A bundle of a container that sleeps in the cgroup `name` below the root."""
    made = Bundle(directory / name)
    made.process["args"] = ["/bin/sleep", "100000"]
    made.config["ociVersion"] = "1.0.2"
    made.config["root"]["path"] = str(made.rootfs)
    made.linux["cgroupsPath"] = f"/{name}"
    return made.save()


def runtime(stack: ExitStack, program: str | Path, directory: Path, name: str) -> None:
    """A container of an OCI runtime, until the stack is left."""
    stack.callback(silently(program, "delete", "--force", name))
    null = subprocess.DEVNULL
    # The container has its own standard output, else it would hold ours.
    subprocess.run(
        [program, "create", "-b", bundle(directory, name), name], check=True, stdin=null, stdout=null, stderr=null
    )
    silently(program, "start", name)()


def readers(stack: ExitStack, directory: Path) -> dict[str, Callable[[], object]]:
    """What there is here, by name, each with its container."""
    name = f"firkin-bench-{os.getpid()}"
    runtime(stack, FIRKIN, directory, f"{name}-firkin")
    path = f"{find_hierarchy().mount}/{name}-firkin"
    reader = stack.enter_context(Reader(path))
    print(f"firkin reads {sum(fd >= 0 for fd in reader.rows[0].fds)} files")
    found: dict[str, Callable[[], object]] = {"firkin, reader": reader.read}
    if shutil.which("containerd") and shutil.which("ctr"):
        configuration = bundle(directory, f"{name}-containerd") / "config.json"
        client = stack.enter_context(containerd(directory / "containerd", configuration, f"{name}-containerd"))
        found["containerd, Metrics"] = client.metrics(f"{name}-containerd")
        found["ctr task metrics"] = silently(*client.command, "task", "metrics", f"{name}-containerd")
    else:
        print("containerd is left out: not installed")
    found["firkin cgroup stat"] = silently(FIRKIN, "cgroup", "stat", "--json", path)
    if program := shutil.which("runc"):
        runtime(stack, program, directory, f"{name}-runc")
        found["runc events --stats"] = silently(program, "events", "--stats", f"{name}-runc")
    else:
        print("runc is left out: not installed")
    return found


def table(times: Times) -> str:
    """Fastest and median, and each as a multiple of firkin's reader and command."""
    lines = [f"{'':20} {'fastest us':>11} {'median us':>11} {'to reader':>10} {'to command':>10}"]
    peers = (min(times["firkin, reader"]), min(times["firkin cgroup stat"]))
    for name, values in times.items():
        ratios = " ".join(f"{min(values) / peer:10.2f}" for peer in peers)
        lines.append(f"{name:20} {min(values) * 1e6:11.1f} {statistics.median(values) * 1e6:11.1f} {ratios}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path, help="write all times to this file")
    options = parser.parse_args()
    in_unified_layout()
    controllers = " ".join(find_hierarchy().controllers)
    print(f"controllers of cgroup v2: {controllers or 'none'}")
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        found = readers(stack, Path(directory))
        times = take_turns({name: timed(action) for name, action in found.items()}, options.rounds)
    print(table(times))
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()

"""What monitors cost: memory, and that a hundred of them live beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.runtime.monitor.client import STDIN, STDOUT
from tests.support.bundle import Bundle
from tests.support.monitors import Monitors, read_until

pytestmark = pytest.mark.requires("root", "cgroup2")


def proportional_kib(pid: int) -> int:
    """The memory of a process, what it shares divided by the number of those who share it."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))


def test_hundred_containers_run_at_once(monitors: Monitors, bundle: Bundle) -> None:
    bundle.shell("read number; echo $number; exit $number")
    all = [monitors.start(bundle, stdin=True, stdin_once=True) for _ in range(100)]
    sizes = [proportional_kib(watched.running.monitor) for watched in all]
    assert sum(sizes) / len(sizes) < 100 and max(sizes) < 150
    for number, watched in enumerate(all):
        with watched.attach(STDIN) as client:
            client.send_stdin(b"%d\n" % number)
    for number, watched in enumerate(all):
        assert watched.end().code == number
        assert watched.lines() == [f"stdout F {number}"]


def test_much_output_does_not_make_it_large(monitors: Monitors, bundle: Bundle) -> None:
    script = "read line; seq 1 300000; head -c 1000000 /dev/zero; seq 1 100000 >&2; echo done; read line"
    watched = monitors.start(bundle.shell(script), stdin=True)
    with watched.attach(STDIN | STDOUT) as client:
        client.send_stdin(b"\n")
        read_until(client, b"done\n")
        assert proportional_kib(watched.running.monitor) < 200

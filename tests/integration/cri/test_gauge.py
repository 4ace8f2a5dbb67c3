"""Statistics in CRI's terms, of real cgroups."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from firkin.cgroupfs import Cgroup
from firkin.cri.stats.gauge import Gauge, Reading
from firkin.cri.stats.usage import cpu_usage, io_usage, memory_usage, process_usage, swap_usage

pytestmark = pytest.mark.requires("root", "cgroup2")

SPIN = [sys.executable, "-S", "-c", "while True: pass"]
MIB = 1 << 20
HOLD = [
    sys.executable,
    "-S",
    "-c",
    "held = bytearray(24 << 20); print('held', flush=True); __import__('signal').pause()",
]


@contextmanager
def gauge() -> Iterator[Gauge]:
    made = Gauge()
    try:
        yield made
    finally:
        made.close()


def test_processor_time_is_counted_and_its_rate_is_known_from_the_second_pass_on(cgroup: Cgroup) -> None:
    with gauge() as meter, cgroup.spawn(SPIN):
        first = cpu_usage(meter.read([cgroup.path])[cgroup.path])
        assert not first.HasField("usage_nano_cores")
        rates: list[int] = []
        while not rates or not rates[-1]:
            usage = cpu_usage(meter.read([cgroup.path])[cgroup.path])
            if usage.HasField("usage_nano_cores"):
                rates.append(usage.usage_nano_cores.value)
        assert usage.usage_core_nano_seconds.value > first.usage_core_nano_seconds.value
        # One thread; the clock and the counter are not read in one moment.
        assert rates[-1] < 1_500_000_000
        cgroup.kill()


def test_what_is_gone_is_left_out(cgroup: Cgroup) -> None:
    with gauge() as meter:
        gone = f"{cgroup.path}/gone"
        os.mkdir(gone)
        assert meter.read([cgroup.path, gone]).keys() == {cgroup.path, gone}
        os.rmdir(gone)
        assert meter.read([cgroup.path, gone]).keys() == {cgroup.path}
        assert meter.read([gone]) == {}
        os.mkdir(gone)
        reading = meter.read([cgroup.path, gone])[gone]
        # Another cgroup of the same name begins anew.
        assert reading.nano_cores is None
        os.rmdir(gone)


def test_what_the_kernel_does_not_count_is_not_said(cgroup: Cgroup) -> None:
    with gauge() as meter:
        reading = meter.read([cgroup.path])[cgroup.path]
        is_counted = os.path.exists(f"{cgroup.path}/memory.current")
        assert (memory_usage(reading) is not None) is is_counted
        assert (process_usage(reading) is not None) is os.path.exists(f"{cgroup.path}/pids.current")


@pytest.mark.requires("memory", "pids", "swap")
def test_memory_processes_and_pressure(cgroup: Cgroup) -> None:
    cgroup.memory.max = 64 * MIB
    cgroup.memory.swap_max = 8 * MIB
    reading_end, writing_end = os.pipe()
    with gauge() as meter, open(reading_end, "rb") as said, cgroup.spawn(HOLD, output=writing_end):
        os.close(writing_end)
        assert said.readline() == b"held\n"
        check(meter.read([cgroup.path])[cgroup.path], cgroup.path)
        cgroup.kill()


def check(reading: Reading, path: str) -> None:
    memory, swap, tasks = memory_usage(reading), swap_usage(reading), process_usage(reading)
    assert memory and swap and tasks
    assert 24 * MIB <= memory.rss_bytes.value <= memory.usage_bytes.value
    assert memory.working_set_bytes.value + memory.available_bytes.value == 64 * MIB
    assert memory.page_faults.value > 0
    assert swap.swap_available_bytes.value + swap.swap_usage_bytes.value == 8 * MIB
    assert tasks.process_count.value == 1
    assert (io_usage(reading) is not None) is os.path.exists(f"{path}/io.pressure")

"""`firkin update`: what its options ask for, and what a new limit has together with one that stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firkin.errors import CgroupFileError, ConfigError, UsageError
from firkin.oci.encoding import encode
from firkin.oci.runtime_spec.resources import Cpu, Memory, Resources
from firkin.runtime.cli.commands import interpret, load
from firkin.runtime.commands.update import resources_of
from firkin.runtime.update import completed


def told(line: str) -> object:
    command, _ = load("update")
    return encode(resources_of(interpret(command, [*line.split(), "web"], {})))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--memory 512m", {"memory": {"limit": 512 << 20}}),
        ("--memory=2GiB --memory-swap -1", {"memory": {"limit": 2 << 30, "swap": -1}}),
        ("--memory-reservation 100", {"memory": {"reservation": 100}}),
        ("--cpu-quota -1 --cpu-period 50000", {"cpu": {"quota": -1, "period": 50000}}),
        ("--cpu-share 512 --cpuset-cpus 0-1 --cpuset-mems 0", {"cpu": {"shares": 512, "cpus": "0-1", "mems": "0"}}),
        ("--cpu-idle 1 --cpu-burst 10", {"cpu": {"idle": 1, "burst": 10}}),
        ("--pids-limit -1 --blkio-weight 100", {"pids": {"limit": -1}, "blockIO": {"weight": 100}}),
    ],
)
def test_options(line: str, expected: object) -> None:
    assert told(line) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "nothing is asked for"),
        ("--memory much", "'much' is not a size"),
        ("--memory 5x", "'5x' is not a size"),
        ("--pids-limit many", "'many' is not a number"),
        ("--l3-cache-schema L3:0=f", "resctrl is not supported"),
    ],
)
def test_options_that_are_refused(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        told(line)


def test_value_out_of_range_is_named_by_its_place() -> None:
    with pytest.raises(ConfigError, match=r"memory\.limit: must be a number of bytes"):
        told("--memory -2")


def reader(files: dict[str, str]) -> Callable[[str], str]:
    def read(file: str) -> str:
        if file not in files:
            raise CgroupFileError(f"{file}: is not there", file=file)
        return files[file]

    return read


@pytest.mark.parametrize(
    ("asked", "now", "expected"),
    [
        (Cpu(period=50000), "20000 100000\n", {"quota": 20000, "period": 50000}),
        (Cpu(quota=30000), "20000 40000\n", {"quota": 30000, "period": 40000}),
        (Cpu(period=50000), "max 100000\n", {"quota": -1, "period": 50000}),
        (Cpu(quota=1000, period=2000), "5 6\n", {"quota": 1000, "period": 2000}),
        (Cpu(shares=2), "5 6\n", {"shares": 2}),
    ],
)
def test_quota_and_period_are_one_file(asked: Cpu, now: str, expected: object) -> None:
    made = completed(Resources(cpu=asked), reader({"cpu.max": now}))
    assert made.cpu is not None
    assert encode(made.cpu) == expected


@pytest.mark.parametrize(("now", "limit"), [("1048576\n", 1048576), ("max\n", -1)])
def test_swap_is_told_together_with_memory(now: str, limit: int) -> None:
    made = completed(Resources(memory=Memory(swap=2 << 20)), reader({"memory.max": now}))
    assert made.memory == Memory(limit=limit, swap=2 << 20)


def test_without_the_controller_nothing_is_added() -> None:
    asked = Resources(cpu=Cpu(period=5), memory=Memory(swap=5))
    assert completed(asked, reader({})) == asked

"""cpuset.cpus and its partitions: where groups run, and who else does."""

from __future__ import annotations

import os

from firkin.cgroupfs import Cgroup
from firkin.workbench.experiment import Experiment, Host, UnmeasurableError
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]

_SOURCE = "Documentation/admin-guide/cgroup-v2.rst, Cpuset"
_NANOSECONDS = 1e6  # in a millisecond


def _last() -> int:
    return max(os.sched_getaffinity(0))


def _confine(host: Host, stage: Stage) -> Measurement:
    group = stage.group("confined", cpuset_cpus=str(_last()))
    load = stage.load(group, "spin", host.processors + 1)
    stage.settle(0.2)
    used = stage.usage(["confined"], host.seconds)["confined"]
    return Measurement({"processors": used, "allowed": len(os.sched_getaffinity(load.process.pid))})


CONFINED = Experiment(
    "cpuset",
    "Do many threads use one processor only that may run nowhere else?",
    _SOURCE,
    ("cpuset",),
    "processors",
    0.02,
    lambda host: {"processors": 1, "allowed": 1},
    _confine,
    lambda host: 1.0,
    roughness=lambda noise: noise.figure,
)


def _read_beside_noise(kind: str, host: Host, stage: Stage) -> Measurement:
    milliseconds = round(500 * host.seconds)
    group = stage.group("reader")
    with Cgroup(".") as root:
        # Below the partition there is no processor for anybody else.
        stage.load(root, "spin", 2 * host.processors)
        stage.settle(0.2)
        member = stage.load(group, "clock", milliseconds)
        member.told("reading")
        member.told("read")
        beside = member.counted("ms", _NANOSECONDS)
        # A group with processes that is no partition yet would make those above it invalid.
        member.close()
        group.wait_empty()
        if why := stage.partition("reader", [_last()], kind):
            raise UnmeasurableError(f"was refused the partition: {why}")
        reader = stage.load(group, "clock", milliseconds)
        reader.told("reading")
        took, lost, *_ = map(int, reader.told("read"))
    gaps = {"beside the others": beside, "alone": reader.counted("ms", _NANOSECONDS)}
    return Measurement({"lost to others": lost / took}, distributions=gaps)


def of_partition(name: str, kind: str) -> Experiment:
    """An experiment on a reader of the clock in a partition of one processor, while all others have too much to do."""
    return Experiment(
        name,
        f"Does nobody else run on the processor of a partition that is {kind}?",
        f"{_SOURCE} (cpuset.cpus.partition)",
        ("cpuset",),
        "of its time",
        0.02,
        lambda host: {"lost to others": 0},
        lambda host, stage: _read_beside_noise(kind, host, stage),
        lambda host: 1.0,
        lacking=lambda host: "" if host.processors > 1 else "needs two processors",
        roughness=lambda noise: noise.sharing,
    )


EXPERIMENTS = (CONFINED, of_partition("partition", "root"), of_partition("partition-isolated", "isolated"))

"""cgroup.freeze: nothing runs in a frozen group, and it goes on afterwards."""

from __future__ import annotations

import time

from firkin.cgroupfs import Cgroup
from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Distribution, Measurement
from firkin.workbench.stage import Stage
from firkin.workbench.trace import BOUNDS

__all__ = ["EXPERIMENTS"]

_TIMES = 10


def _measure(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group")
    stage.load(group, "spin", 1).told("spinning")
    group.freeze()
    frozen = stage.usage(["group"], host.seconds / 2)["group"]
    group.thaw()
    thawed = stage.usage(["group"], host.seconds / 2)["group"]
    took = Distribution.of("ms", [_freeze(group) for _ in range(_TIMES)], BOUNDS)
    return Measurement({"frozen": frozen, "thawed": thawed}, distributions={"until frozen": took})


def _freeze(group: Cgroup) -> float:
    began = time.monotonic()
    group.freeze()
    took = time.monotonic() - began
    group.thaw()
    return 1000 * took


FREEZE = Experiment(
    "freeze",
    "Does a frozen group use nothing, and all that it wants afterwards?",
    "Documentation/admin-guide/cgroup-v2.rst, Core Interface Files",
    (),
    "processors",
    0.05,
    lambda host: {"frozen": 0, "thawed": 1},
    _measure,
    lambda host: 1.0,
    roughness=lambda noise: noise.figure,
)

EXPERIMENTS = (FREEZE,)

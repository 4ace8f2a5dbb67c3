"""cgroup.freeze: nothing runs in a frozen group, and it goes on afterwards."""

from __future__ import annotations

from firkin.workbench.experiment import Experiment, Host
from firkin.workbench.measurement import Measurement
from firkin.workbench.stage import Stage

__all__ = ["EXPERIMENTS"]


def _measure(host: Host, stage: Stage) -> Measurement:
    group = stage.group("group")
    stage.load(group, "spin", 1)
    stage.settle(0.2)
    group.freeze()
    frozen = stage.usage(["group"], host.seconds / 2)["group"]
    group.thaw()
    return Measurement({"frozen": frozen, "thawed": stage.usage(["group"], host.seconds / 2)["group"]})


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
)

EXPERIMENTS = (FREEZE,)

"""A prediction is for whole nodes: what it costs grows with the number of groups, not with its square."""

from __future__ import annotations

import random
import sys

from firkin.workbench.forecast import predict
from firkin.workbench.plan import Demand, Machine, Plan, PlannedGroup


def node(pods: int) -> Plan:
    # Three classes of pods with three containers each, as a kubelet lays them out.
    rng = random.Random(1)

    def container(path: str) -> PlannedGroup:
        demand = Demand(threads=rng.randint(0, 4), memory=rng.randint(1, 1 << 28), pids=5, io=0.001)
        return PlannedGroup(
            path.rpartition("/")[2], path, demand, cpu_weight=rng.randint(1, 200), memory_low=rng.choice([0, 1 << 26])
        )

    def pod(path: str) -> PlannedGroup:
        children = tuple(container(f"{path}/{number}") for number in range(3))
        return PlannedGroup(path.rpartition("/")[2], path, cpu_weight=rng.randint(1, 200), children=children)

    classes = tuple(
        PlannedGroup(name, name, children=tuple(pod(f"{name}/{number}") for number in range(pods)))
        for name in ("guaranteed", "burstable", "besteffort")
    )
    return Plan(Machine(64, 64 << 30, 1 << 22), PlannedGroup("", "", children=classes))


def calls(pods: int) -> int:
    plan, count = node(pods), 0

    def one(*_: object) -> None:
        nonlocal count
        count += 1

    former = sys.getprofile()
    sys.setprofile(one)
    try:
        forecast = predict(plan)
    finally:
        sys.setprofile(former)
    assert len(forecast.lines) == 12 * pods + 3
    return count


def test_ten_thousand_groups_cost_ten_times_a_thousand() -> None:
    few, many = calls(83), calls(834)
    assert many < 12 * few
    # What is done for one group does not grow either: see the time of `predict` in docs/workbench.md.
    assert many < 200 * 10_011

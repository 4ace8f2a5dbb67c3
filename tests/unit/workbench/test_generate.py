"""Generated nodes: of the size that was asked for, the same for the same seed, and predicted at once."""

from __future__ import annotations

import pytest

from firkin.workbench.forecast import predict
from firkin.workbench.generate import generated_tree, weight_of
from firkin.workbench.plan import walk
from firkin.workbench.tree_file import parse_plan


def text(groups: int, seed: int = 0) -> str:
    return "".join(generated_tree(groups, seed))


@pytest.mark.parametrize("groups", [10, 11, 500, 10_000])
def test_a_node_has_as_many_groups_as_were_asked_for(groups: int) -> None:
    plan = parse_plan(text(groups), "t")
    assert sum(1 for _ in walk(plan.root)) == groups + 1
    forecast = predict(plan)
    assert len(forecast.lines) == groups
    top = forecast.lines[0]
    assert top.path == "kubepods" and top.cpu <= plan.machine.cpus and top.memory <= plan.machine.memory


def test_the_three_classes_are_where_a_kubelet_has_them() -> None:
    (pods,) = parse_plan(text(1000), "t").root.children
    names = {child.name: child for child in pods.children}
    assert all(child.cpu_weight == 1 and child.memory_max > 1 << 60 for child in names["besteffort"].children)
    assert all(child.memory_low < child.memory_max for child in names["burstable"].children)
    guaranteed = [child for name, child in names.items() if name.startswith("pod")]
    assert guaranteed and all(child.memory_min == child.memory_max for child in guaranteed)
    assert names["burstable"].cpu_weight > names["besteffort"].cpu_weight


def test_a_seed_makes_the_same_node_again() -> None:
    assert text(200, 1) == text(200, 1) != text(200, 2)


def test_weights_are_those_of_shares() -> None:
    assert [weight_of(cpu) for cpu in (0, 1, 256)] == [1, 39, 10000]

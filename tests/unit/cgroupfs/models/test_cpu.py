"""Shares of processors, worked out by hand from Documentation/admin-guide/cgroup-v2.rst."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.cpu import CpuGroup, scheduler_weight, share_cpu


def shares(root: CpuGroup, processors: float) -> dict[str, float]:
    tree, result = share_cpu(root, processors)
    return {group.name: float(share) for group, share in zip(tree.groups, result.share, strict=True) if group.name}


def throttled(root: CpuGroup, processors: float) -> set[str]:
    tree, result = share_cpu(root, processors)
    return {tree.groups[at].name for at in np.flatnonzero(result.throttled)}


def busy(name: str, weight: int = 100, threads: int = 8, **more: float) -> CpuGroup:
    return CpuGroup(name, weight=weight, threads=threads, **more)  # type: ignore[arg-type]


def test_weights_count_among_siblings_only() -> None:
    inner = CpuGroup("inner", weight=100, children=[busy("b", 1), busy("c", 3)])
    assert shares(CpuGroup("/", children=[busy("a", 300), inner]), 4) == pytest.approx(
        {"/": 4, "a": 3, "inner": 1, "b": 0.25, "c": 0.75}, rel=0.03
    )


def test_a_group_uses_no_more_processors_than_it_has_threads() -> None:
    root = CpuGroup("/", children=[busy("one", 10000, threads=1), busy("many", 1, threads=9)])
    assert shares(root, 4) == pytest.approx({"/": 4, "one": 1, "many": 3})


def test_a_limit_leaves_the_rest_to_the_others_and_throttles() -> None:
    root = CpuGroup("/", children=[busy("limited", 10000, limit=0.5), busy("free", 1)])
    assert shares(root, 2) == pytest.approx({"/": 2, "limited": 0.5, "free": 1.5})
    assert throttled(root, 2) == {"limited"}


def test_a_limit_that_is_not_reached_throttles_nobody() -> None:
    root = CpuGroup("/", children=[busy("a", limit=1.5), busy("b")])
    assert throttled(root, 2) == set()
    quiet = CpuGroup("/", children=[busy("a", limit=0.5, demand=0.4)])
    assert throttled(quiet, 2) == set() and shares(quiet, 2)["a"] == pytest.approx(0.4)


def test_a_limit_above_counts_for_all_below() -> None:
    inner = CpuGroup("inner", limit=1, children=[busy("a", 100, limit=0.2), busy("b", 300)])
    root = CpuGroup("/", children=[inner, busy("c")])
    assert shares(root, 4) == pytest.approx({"/": 4, "inner": 1, "a": 0.2, "b": 0.8, "c": 3})
    assert throttled(root, 4) == {"inner", "a"}


def test_a_cpuset_bounds_without_throttling() -> None:
    root = CpuGroup("/", children=[busy("pinned", 10000, cpus=1), busy("free", 1)])
    assert shares(root, 2) == pytest.approx({"/": 2, "pinned": 1, "free": 1}) and throttled(root, 2) == set()


def test_an_idle_group_gets_next_to_nothing_beside_a_busy_one_and_all_when_alone() -> None:
    root = CpuGroup("/", children=[busy("idle", idle=True), busy("busy")])
    assert shares(root, 1)["idle"] == pytest.approx(3 / 1027)
    assert shares(CpuGroup("/", children=[busy("idle", idle=True)]), 1)["idle"] == pytest.approx(1)


def test_threads_of_the_root_compete_one_by_one() -> None:
    root = CpuGroup("/", threads=3, children=[busy("a")])
    assert shares(root, 1) == pytest.approx({"/": 1, "a": 0.25})


@pytest.mark.parametrize(("weight", "scheduler"), [(1, 10), (100, 1024), (10000, 102400), (7, 72), (3, 31)])
def test_weights_as_the_scheduler_rounds_them(weight: int, scheduler: int) -> None:
    assert scheduler_weight(weight) == scheduler


LEAVES = st.builds(
    CpuGroup,
    st.uuids().map(str),
    weight=st.integers(1, 10000),
    idle=st.booleans(),
    limit=st.one_of(st.just(float("inf")), st.floats(0.01, 8)),
    threads=st.integers(0, 16),
)
GROUPS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda leaf, children: replace(leaf, threads=0, children=children), LEAVES, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


def shuffled(group: CpuGroup, rng: random.Random) -> CpuGroup:
    children = [shuffled(child, rng) for child in group.children]
    rng.shuffle(children)
    return replace(group, children=children)


@given(GROUPS, st.floats(0.1, 64), st.randoms(use_true_random=False))
def test_any_tree_gives_nobody_more_than_there_is_whatever_the_order(
    group: CpuGroup, processors: float, rng: random.Random
) -> None:
    root = CpuGroup("/", children=[group])
    tree, result = share_cpu(root, processors)
    assert result.share[0] <= processors * (1 + 1e-9)
    for level in tree.levels:
        assert (level.sums(result.share[level.groups]) <= result.share[level.parents] * (1 + 1e-9) + 1e-9).all()
    assert shares(shuffled(root, rng), processors) == pytest.approx(shares(root, processors), rel=1e-6, abs=1e-9)


def node(pods: int) -> CpuGroup:
    # Three classes of pods with three containers each, as a kubelet lays them out.
    rng = random.Random(1)
    classes = []
    for name in ("guaranteed", "burstable", "besteffort"):
        members = []
        for pod in range(pods):
            containers = [
                busy(f"{name}-{pod}-{at}", rng.randint(1, 200), threads=rng.randint(0, 4), limit=rng.choice([0.5, 2.0]))
                for at in range(3)
            ]
            members.append(CpuGroup(f"{name}-{pod}", weight=rng.randint(1, 200), children=containers))
        classes.append(CpuGroup(name, weight=rng.randint(1, 1000), children=members))
    return CpuGroup("/", children=classes)


def test_ten_thousand_groups_add_up() -> None:
    root = node(834)
    tree, result = share_cpu(root, 64)
    assert len(tree) > 10000 and result.share[0] == pytest.approx(64)
    for level in tree.levels:
        np.testing.assert_allclose(level.sums(result.share[level.groups]), result.share[level.parents], rtol=1e-9)

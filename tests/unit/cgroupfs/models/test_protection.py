"""Effective protection, worked out by hand from the rule of mm/page_counter.c and the example of cgroup-v2.rst."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.models.protection import effective_protection, held_under_pressure, reclaimed
from firkin.cgroupfs.models.tree import Tree


@dataclass(frozen=True)
class Group:
    name: str
    usage: float
    setting: float = 0
    children: Sequence[Group] = ()


def protected(top: Group, *, recursive: bool = True) -> dict[str, float]:
    tree: Tree[Group] = Tree(Group("/", top.usage, children=[top]))
    effective = effective_protection(
        tree, tree.array(lambda group: group.usage), tree.array(lambda group: group.setting), recursive=recursive
    )
    return {group.name: float(value) for group, value in zip(tree.groups, effective, strict=True) if group.name != "/"}


def test_claims_that_are_too_many_share_by_what_is_used_of_them() -> None:
    children = [Group("b", 4, 3), Group("c", 4, 1), Group("d", 0, 10)]
    assert protected(Group("a", 8, 2, children)) == pytest.approx({"a": 2, "b": 1.5, "c": 0.5, "d": 0})


def test_what_is_not_claimed_goes_to_all_by_what_they_use_beyond() -> None:
    children = [Group("b", 4, 2), Group("c", 6, 0)]
    # 6 are granted, 2 claimed; 4 are left for 2 of b and 6 of c.
    assert protected(Group("a", 10, 6, children)) == pytest.approx({"a": 6, "b": 3, "c": 3})
    assert protected(Group("a", 10, 6, children), recursive=False) == pytest.approx({"a": 6, "b": 2, "c": 0})


def test_nobody_is_protected_below_one_who_is_not() -> None:
    assert protected(Group("a", 8, 0, [Group("b", 8, 8)])) == pytest.approx({"a": 0, "b": 0})


def test_it_goes_down_by_levels() -> None:
    middle = Group("b", 6, 4, [Group("c", 3, 4), Group("d", 3, 1)])
    assert protected(Group("a", 9, 5, [middle, Group("e", 3)])) == pytest.approx(
        # Of 5, b claims 4; the rest goes to what is used beyond: 2 of b, 3 of e.
        # Of b's 4.4, c claims 3 and d 1; the rest is for d.
        {"a": 5, "b": 4.4, "e": 0.6, "c": 3, "d": 1.4}
    )


CHILDREN = st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=8)


@given(CHILDREN, st.floats(0, 8e9), st.booleans())
def test_the_children_have_no_more_than_the_parent_and_nobody_more_than_he_uses(
    children: list[tuple[float, float]], setting: float, recursive: bool
) -> None:
    usage = sum(used for used, _ in children)
    groups = [Group(str(at), used, wanted) for at, (used, wanted) in enumerate(children)]
    found = protected(Group("a", usage, setting, groups), recursive=recursive)
    below = [found[group.name] for group in groups]
    assert sum(below) <= setting * (1 + 1e-6) + 1e-3
    assert all(value <= group.usage * (1 + 1e-6) + 1e-3 for value, group in zip(below, groups, strict=True))


def of_children(setting: float, children: list[tuple[float, float]], *, recursive: bool) -> list[float]:
    groups = [Group(str(at), used, wanted) for at, (used, wanted) in enumerate(children)]
    found = protected(Group("a", sum(used for used, _ in children), setting, groups), recursive=recursive)
    return [found[group.name] for group in groups]


@given(CHILDREN, st.floats(0, 8e9), st.booleans(), st.randoms(use_true_random=False))
def test_order_does_not_matter(
    children: list[tuple[float, float]], setting: float, recursive: bool, rng: random.Random
) -> None:
    order = list(range(len(children)))
    rng.shuffle(order)
    straight = of_children(setting, children, recursive=recursive)
    shuffled = of_children(setting, [children[at] for at in order], recursive=recursive)
    assert shuffled == pytest.approx([straight[at] for at in order], rel=1e-6, abs=1e-3)


@given(CHILDREN, st.floats(0, 8e9), st.floats(0, 1e9), st.booleans())
def test_a_larger_claim_is_never_less_protection(
    children: list[tuple[float, float]], setting: float, more: float, recursive: bool
) -> None:
    (used, wanted), *others = children
    larger = of_children(setting, [(used, wanted + more), *others], recursive=recursive)
    assert larger[0] >= of_children(setting, children, recursive=recursive)[0] * (1 - 1e-6) - 1e-3


@given(st.floats(0, 8e9), st.floats(0, 1e9), st.floats(0, 1e9), st.integers(1, 8), st.booleans())
def test_who_is_equal_is_protected_equally(
    setting: float, used: float, wanted: float, count: int, recursive: bool
) -> None:
    found = of_children(setting, [(used, wanted)] * count, recursive=recursive)
    assert found == pytest.approx([found[0]] * count, rel=1e-6, abs=1e-3)


def test_reclaim_takes_what_is_not_protected_first() -> None:
    usage, protection = np.array([10.0, 10.0, 4.0]), np.array([10.0, 4.0, 0.0])
    assert list(reclaimed(usage, protection, 5)) == pytest.approx([0, 3, 2])
    assert list(reclaimed(usage, protection, 10)) == pytest.approx([0, 6, 4])
    assert list(reclaimed(usage, protection, 17)) == pytest.approx([5, 8, 4])
    assert list(reclaimed(usage, protection, 0)) == [0, 0, 0]
    with pytest.raises(ValueError, match="can not be reclaimed"):
        reclaimed(usage, protection, 25)


def left(top: Group, excess: float, *, recursive: bool = True) -> dict[str, float]:
    tree = Tree(top)
    used = tree.array(lambda group: 0 if group.children else group.usage)
    held = held_under_pressure(tree, used, tree.array(lambda group: group.setting), excess, recursive=recursive)
    return {group.name: float(value) for group, value in zip(tree.groups, held, strict=True)}


def test_what_is_left_of_overcommitted_claims_is_in_proportion_to_them() -> None:
    parent = Group("p", 0, 24, [Group("a", 24, 24), Group("b", 12, 12), Group("c", 12)])
    # All of c and of d goes, and of a and b what is more than 24 together.
    found = left(Group("/", 0, children=[parent, Group("d", 12)]), 36)
    assert found == pytest.approx({"/": 24, "p": 24, "d": 0, "a": 16, "b": 8, "c": 0}, abs=0.01)


def test_what_is_left_of_a_parents_protection_that_nobody_claims_is_in_proportion_to_use() -> None:
    parent = Group("p", 0, 24, [Group("a", 12), Group("b", 36)])
    top = Group("/", 0, children=[parent, Group("d", 12)])
    assert left(top, 36) == pytest.approx({"/": 24, "p": 24, "d": 0, "a": 6, "b": 18}, abs=0.01)
    # Without memory_recursiveprot nothing of it is protected, and all pay alike.
    without = left(top, 36, recursive=False)
    assert without == pytest.approx({"/": 24, "p": 19.2, "d": 4.8, "a": 4.8, "b": 14.4}, abs=0.01)


def test_the_path_matters_where_a_claim_falls_on_the_way() -> None:
    # Both claim 20 of 20, but b has no more than that, and loses of its claim while a still has its own.
    parent = Group("p", 0, 20, [Group("a", 40, 20), Group("b", 20, 20)])
    found = left(Group("/", 0, children=[parent]), 40)
    assert found["a"] + found["b"] == pytest.approx(20) and 1.2 < found["a"] / found["b"] < 1.9


@given(CHILDREN, st.floats(0, 8e9), st.floats(0, 1), st.booleans())
def test_nobody_gains_by_reclaim_and_it_takes_what_it_should(
    children: list[tuple[float, float]], setting: float, part: float, recursive: bool
) -> None:
    groups = [Group(str(at), used, wanted) for at, (used, wanted) in enumerate(children)]
    usage = sum(used for used, _ in children)
    found = left(Group("/", 0, children=[Group("a", 0, setting, groups)]), part * usage * 0.999, recursive=recursive)
    assert found["/"] == pytest.approx(usage - part * usage * 0.999, rel=1e-6, abs=1e-2)
    assert all(-1e-3 <= found[group.name] <= group.usage * (1 + 1e-9) + 1e-3 for group in groups)

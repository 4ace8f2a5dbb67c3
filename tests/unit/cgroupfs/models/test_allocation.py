"""What is counted: how much is left, who says no, and what is promised twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from firkin.cgroupfs.models.allocation import headroom, overcommitted, refusing
from firkin.cgroupfs.models.tree import Tree


@dataclass(frozen=True)
class Group:
    name: str
    usage: float
    limit: float = math.inf
    children: Sequence[Group] = ()


TREE: Tree[Group] = Tree(
    Group("/", 60, 100, [Group("a", 50, 55, [Group("a1", 30), Group("a2", 20, 40)]), Group("b", 10, 80)])
)
NUMBERS = {group.name: number for number, group in enumerate(TREE.groups)}
USAGE, LIMITS = TREE.array(lambda group: group.usage), TREE.array(lambda group: group.limit)


def test_what_is_left_is_what_the_tightest_ancestor_leaves() -> None:
    room = headroom(TREE, USAGE, LIMITS)
    assert {name: room[number] for name, number in NUMBERS.items()} == {"/": 40, "a": 5, "a1": 5, "a2": 5, "b": 40}


def test_the_lowest_full_one_refuses() -> None:
    def who(name: str, amount: float) -> str:
        number = refusing(TREE, USAGE, LIMITS, NUMBERS[name], amount)
        return TREE.groups[number].name if number >= 0 else ""

    assert [who("a1", 5), who("a1", 6), who("a2", 21), who("b", 41), who("b", 71)] == ["", "a", "a2", "/", "b"]


def test_promises_beyond_the_parents() -> None:
    promised = overcommitted(TREE, LIMITS)
    assert promised[NUMBERS["/"]] == 35 and promised[NUMBERS["b"]] == 0
    assert promised[NUMBERS["a"]] == math.inf

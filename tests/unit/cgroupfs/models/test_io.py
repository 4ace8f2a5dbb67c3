"""Shares of a device, and the cost of requests, worked out by hand."""

from __future__ import annotations

import math

import pytest

from firkin.cgroupfs.models.io import CostModel, IoGroup, IoMax, bound_by_max, share_device


def test_weights_share_what_is_wanted() -> None:
    inner = IoGroup("inner", 100, children=[IoGroup("b", 100, math.inf), IoGroup("c", 300, math.inf)])
    tree, share = share_device(IoGroup("/", children=[IoGroup("a", 200, 0.1), inner, IoGroup("d", 100, 9, limit=0.2)]))
    found = {group.name: float(part) for group, part in zip(tree.groups, share, strict=True)}
    assert found == pytest.approx({"/": 1, "a": 0.1, "inner": 0.7, "d": 0.2, "b": 0.175, "c": 0.525})


def test_a_device_that_is_not_busy_gives_everybody_what_he_wants() -> None:
    _, share = share_device(IoGroup("/", children=[IoGroup("a", 1, 0.3), IoGroup("b", 10000, 0.2)]))
    assert list(share) == pytest.approx([0.5, 0.3, 0.2])


def test_costs_of_requests() -> None:
    disk = CostModel(bytes=400e6, sequential=50000, random=10000)
    assert disk.cost(4096, is_random=True) == pytest.approx(1e-4)
    assert disk.cost(4096, is_random=False) == pytest.approx(2e-5)
    assert disk.cost(1 << 20, is_random=False) == pytest.approx(2e-5 + 255 * 4096 / 400e6)
    assert disk.cost(1, is_random=True) == disk.cost(4096, is_random=True)


def test_the_tightest_line_counts() -> None:
    assert bound_by_max([], 4096) == math.inf
    assert bound_by_max([IoMax(bytes=409600), IoMax(requests=200)], 4096) == 100
    assert bound_by_max([IoMax(bytes=409600, requests=50), IoMax()], 4096) == 50


def test_requests_that_a_share_is_enough_for() -> None:
    disk = CostModel(bytes=16 << 20, sequential=1000, random=250)
    assert disk.requests(0.5, 4096, is_random=True) == pytest.approx(125)
    # A page is 1 / 4096 s; 16 of them, and what a sequential request costs beyond its first page.
    cost = 16 / 4096 + (1 / 1000 - 1 / 4096)
    assert disk.requests(0.5, 64 << 10, is_random=False) == pytest.approx(0.5 / cost)

"""Thresholds: how they are written, when they are met, and what is wrong with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from firkin.kubelet.resources.eviction.observe import memory_observation, pressure_observation
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.eviction.signals import Observation
from firkin.kubelet.resources.eviction.thresholds import Amount, Threshold, met, parse_thresholds, threshold_faults

MI, GI = 1 << 20, 1 << 30


def _settings(**values: Any) -> EvictionSettings:
    return EvictionSettings(**{"hard": (), "soft": (), "soft_grace": (), **values})


def test_the_defaults_are_those_of_kubernetes_and_pressure() -> None:
    assert parse_thresholds(EvictionSettings(), allocatable=False) == (
        Threshold("memory.available", Amount(100 * MI)),
        Threshold("nodefs.available", Amount(percent=Decimal(10))),
        Threshold("nodefs.inodesFree", Amount(percent=Decimal(5))),
        Threshold("imagefs.available", Amount(percent=Decimal(15))),
        Threshold("imagefs.inodesFree", Amount(percent=Decimal(5))),
        Threshold("memory.pressure", Amount(percent=Decimal(40)), 20.0),
    )
    assert not list(threshold_faults(EvictionSettings()))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"hard": ("memory.available<1.5Gi",)}, Threshold("memory.available", Amount(GI * 3 // 2))),
        ({"hard": (" memory.available < 5% ",)}, Threshold("memory.available", Amount(percent=Decimal(5)))),
        ({"hard": ("nodefs.inodesFree<1k",), "minimum_reclaim": ("nodefs.inodesFree=500",)},
         Threshold("nodefs.inodesFree", Amount(1000), 0.0, Amount(500))),
        ({"soft": ("memory.available<1Gi",), "soft_grace": ("memory.available=1m30s",)},
         Threshold("memory.available", Amount(GI), 90.0)),
        ({"soft": ("pid.available<10%",), "soft_grace": ("pid.available=2h",),
          "minimum_reclaim": ("pid.available=1%",)},
         Threshold("pid.available", Amount(percent=Decimal(10)), 7200.0, Amount(percent=Decimal(1)))),
        ({"hard": ("memory.pressure>12.5%",)}, Threshold("memory.pressure", Amount(percent=Decimal("87.5")))),
    ],
)  # fmt: skip
def test_thresholds_are_read(settings: dict[str, Any], expected: Threshold) -> None:
    assert not list(threshold_faults(_settings(**settings)))
    assert parse_thresholds(_settings(**settings), allocatable=False) == (expected,)
    assert expected.is_hard is not expected.grace


def test_the_threshold_of_memory_holds_for_all_pods_together_where_they_are_limited() -> None:
    settings = _settings(hard=("memory.available<100Mi", "nodefs.available<1Gi"))
    assert parse_thresholds(settings, allocatable=True)[2:] == (
        Threshold("allocatableMemory.available", Amount(100 * MI)),
    )


@pytest.mark.parametrize("text", ["memory.available<0", "memory.available<0%", "memory.pressure>100%"])
def test_a_threshold_can_be_turned_off(text: str) -> None:
    assert parse_thresholds(_settings(hard=(text,)), allocatable=False) == ()


KNOWN = (
    "allocatableMemory.available, containerfs.available, containerfs.inodesFree, imagefs.available, "
    "imagefs.inodesFree, memory.available, memory.pressure, nodefs.available, nodefs.inodesFree, pid.available"
)
LIKE = "is not like memory.available<100Mi, nodefs.available<10% or memory.pressure>40%"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"hard": ("disk<1",)}, f"hard: 'disk<1' is of none of {KNOWN}"),
        ({"hard": ("memory.available",)}, f"hard: 'memory.available' {LIKE}"),
        ({"hard": ("memory.available>1",)}, f"hard: 'memory.available>1' {LIKE}"),
        ({"hard": ("memory.pressure<1%",)}, f"hard: 'memory.pressure<1%' {LIKE}"),
        ({"hard": ("memory.pressure>1",)}, "hard: 'memory.pressure>1' is not a percentage"),
        ({"hard": ("memory.available<x",)},
         "hard: 'memory.available<x' can not be understood: 'x' is not a quantity, such as 500m, 2, 64Mi or 1e3"),
        ({"hard": ("memory.available<110%",)},
         "hard: 'memory.available<110%' can not be understood: '110%' is not within 0% to 100%"),
        ({"hard": ("memory.available<x%",)},
         "hard: 'memory.available<x%' can not be understood: 'x%' is no percentage"),
        ({"soft": ("memory.available<1Gi",)},
         "soft_grace: grace period must be specified for the soft eviction threshold memory.available"),
        ({"soft_grace": ("memory.available=soon",)},
         "soft_grace: 'memory.available=soon' can not be understood: 'soon' is no time such as 1m30s"),
        ({"soft_grace": ("memory=1s",)}, f"soft_grace: 'memory=1s' is of none of {KNOWN}"),
        ({"minimum_reclaim": ("memory.available=x",)},
         "minimum_reclaim: 'memory.available=x' can not be understood: 'x' is not a quantity, such as 500m, 2, 64Mi "
         "or 1e3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(settings: dict[str, Any], fault: str) -> None:
    assert list(threshold_faults(_settings(**settings))) == [f"kubelet.eviction.{fault}"]


@pytest.mark.parametrize(
    ("threshold", "available", "capacity", "is_met", "is_not_over"),
    [
        (Threshold("s", Amount(100)), 99, 1000, True, True),
        (Threshold("s", Amount(100)), 100, 1000, False, False),
        (Threshold("s", Amount(100), 0.0, Amount(50)), 149, 1000, False, True),
        (Threshold("s", Amount(100), 0.0, Amount(50)), 150, 1000, False, False),
        (Threshold("s", Amount(percent=Decimal(10))), 99, 1000, True, True),
        (Threshold("s", Amount(percent=Decimal(10)), 0.0, Amount(percent=Decimal(5))), 149, 1000, False, True),
    ],
)
def test_when_a_threshold_is_met_and_when_it_is_over(
    threshold: Threshold, available: int, capacity: int, is_met: bool, is_not_over: bool
) -> None:
    seen = {"s": Observation(available, capacity)}
    assert bool(met([threshold], seen)) is is_met
    assert bool(met([threshold], seen, with_reclaim=True)) is is_not_over
    assert not met([threshold], {})


MEMINFO = """\
MemTotal:        1000000 kB
MemFree:          200000 kB
Buffers:           10000 kB
Cached:           300000 kB
SwapCached:         5000 kB
Active(file):     100000 kB
Inactive(file):   150000 kB
AnonPages:        250000 kB
HugePages_Total:       0
"""


def test_memory_that_is_available_is_what_is_not_in_the_working_set() -> None:
    used = 250_000 + 315_000 - 150_000
    assert memory_observation(MEMINFO) == Observation((1_000_000 - used) * 1024, 1_000_000 * 1024)


def test_pressure_is_what_is_not_undisturbed() -> None:
    text = (
        "some avg10=80.00 avg60=1.00 avg300=0.00 total=100\n"
        "full avg10=41.50 avg60=0.50 avg300=0.00 total=90\n"
    )  # fmt: skip
    assert pressure_observation(text) == Observation(59, 100)

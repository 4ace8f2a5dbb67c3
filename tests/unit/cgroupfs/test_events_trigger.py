"""Pressure triggers: their text and their ranges."""

from __future__ import annotations

import pytest

from firkin.cgroupfs.events import Trigger
from firkin.errors import CgroupValueError


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("memory some 150ms 1s", Trigger("memory", "some", 150_000, 1_000_000)),
        ("io full 1 10s", Trigger("io", "full", 1, 10_000_000)),
        ("cpu  some\t500000us  0.5s", Trigger("cpu", "some", 500_000, 500_000)),
        ("irq full 100ms 2s", Trigger("irq", "full", 100_000, 2_000_000)),
    ],
)
def test_text(text: str, trigger: Trigger) -> None:
    assert Trigger.parse(text) == trigger
    assert Trigger.parse(str(trigger)) == trigger


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not RESOURCE"),
        ("memory some 150ms", "is not RESOURCE"),
        ("memory some 150ms 1s 2s", "is not RESOURCE"),
        ("disk some 150ms 1s", "one of cpu, memory, io, irq"),
        ("memory any 150ms 1s", "one of some, full"),
        ("irq some 150ms 1s", "irq has no kind but full"),
        ("memory some 0 1s", "longer than 0"),
        ("memory some 2s 1s", "longer than the window"),
        ("memory some 1s 10000001us", "longer than 10s"),
        ("memory some 1parsec 2s", "is not a time"),
        ("memory some -1 2s", "is not a time"),
    ],
)
def test_what_is_no_trigger(text: str, reason: str) -> None:
    with pytest.raises(CgroupValueError, match=reason):
        Trigger.parse(text)


def test_file() -> None:
    assert Trigger.parse("io full 1s 2s").file == "io.pressure"

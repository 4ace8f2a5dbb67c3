"""Thresholds: how little of something may be left. Pure.

Source: "Eviction thresholds" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from firkin.kubelet.api.quantity import whole
from firkin.kubelet.resources.eviction.settings import EvictionSettings
from firkin.kubelet.resources.eviction.signals import ALLOCATABLE_MEMORY, MEMORY, MEMORY_PRESSURE, SIGNALS, Observation
from firkin.kubelet.resources.node import NodeResources

__all__ = ["Amount", "Threshold", "evicted_at", "met", "parse_thresholds", "threshold_faults"]


@dataclass(frozen=True, slots=True)
class Amount:
    """So much, or such a part of what there is."""

    number: int = 0
    percent: Decimal | None = None

    def of(self, capacity: int) -> int:
        """The number that it is of a capacity."""
        return self.number if self.percent is None else int(capacity * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Threshold:
    """It is met when less than `least` of `signal` is available, for `grace` seconds.

    Once met it is so until `reclaim` more than that is available. One without grace is hard: pods are not asked.
    """

    signal: str
    least: Amount
    grace: float = 0.0
    reclaim: Amount = Amount()

    @property
    def is_hard(self) -> bool:
        """Whether pods are killed rather than asked to end."""
        return self.grace == 0


def parse_thresholds(settings: EvictionSettings, *, allocatable: bool) -> tuple[Threshold, ...]:
    """The thresholds of the settings, of which nothing is wrong.

    Parameters: with `allocatable` pods together are limited, and the hard threshold of memory holds for them, too.
    """
    reclaims = {name: _amount(value) for name, value in _pairs(settings.minimum_reclaim)}
    graces = {name: _seconds(value) for name, value in _pairs(settings.soft_grace)}
    found = [Threshold(name, least, 0.0, reclaims.get(name, Amount())) for name, least in map(_parse, settings.hard)]
    for text in settings.soft:
        name, least = _parse(text)
        found.append(Threshold(name, least, graces[name], reclaims.get(name, Amount())))
    if allocatable:
        found += [Threshold(ALLOCATABLE_MEMORY, one.least, 0.0, one.reclaim) for one in found
                  if one.signal == MEMORY and one.is_hard]  # fmt: skip
    # 0 and 0% turn a threshold off, 100% of what is undisturbed can not be missed.
    return tuple(one for one in found if one.least.of(10**6))


def _parse(text: str) -> tuple[str, Amount]:
    name, sign, value = _split(text)
    if sign == ">":
        # So much pressure is so much less of undisturbed time.
        return name, Amount(percent=100 - (_amount(value).percent or Decimal(0)))
    return name, _amount(value)


def _split(text: str) -> tuple[str, str, str]:
    sign = ">" if ">" in text else "<"
    name, found, value = text.partition(sign)
    return name.strip(), found, value.strip()


def _pairs(items: Iterable[str]) -> Iterator[tuple[str, str]]:
    for item in items:
        name, _, value = item.partition("=")
        yield name.strip(), value.strip()


def _amount(text: str) -> Amount:
    if not text.endswith("%"):
        return Amount(whole(text))
    try:
        percent = Decimal(text[:-1])
    except InvalidOperation:
        raise ValueError(f"{text!r} is no percentage") from None
    if not 0 <= percent <= 100:
        raise ValueError(f"{text!r} is not within 0% to 100%")
    return Amount(percent=percent)


def _seconds(text: str) -> float:
    # 1m30s, 90s, 1h; as Go writes durations, without fractions.
    rest, seconds = text, 0
    for unit, factor in (("h", 3600), ("m", 60), ("s", 1)):
        number, found, after = rest.partition(unit)
        if found and number.isdecimal():
            seconds, rest = seconds + int(number) * factor, after
    if rest or not seconds:
        raise ValueError(f"{text!r} is no time such as 1m30s")
    return float(seconds)


def threshold_faults(settings: EvictionSettings) -> Iterator[str]:
    """What is wrong with the thresholds in the settings, a text each with its key."""
    for key in ("hard", "soft"):
        for text in getattr(settings, key):
            if why := _fault(text):
                yield f"kubelet.eviction.{key}: {text!r} {why}"
    for key, parse in (("minimum_reclaim", _amount), ("soft_grace", _seconds)):
        for name, value in _pairs(getattr(settings, key)):
            try:
                parse(value)
                why = "" if name in SIGNALS else f"is of none of {', '.join(sorted(SIGNALS))}"
            except ValueError as error:
                why = f"can not be understood: {error}"
            if why:
                yield f"kubelet.eviction.{key}: '{name}={value}' {why}"
    graces = {name for name, _ in _pairs(settings.soft_grace)}
    for name in (_split(text)[0] for text in settings.soft):
        if name not in graces:
            yield f"kubelet.eviction.soft_grace: grace period must be specified for the soft eviction threshold {name}"


def _fault(text: str) -> str:
    name, sign, value = _split(text)
    if name not in SIGNALS:
        return f"is of none of {', '.join(sorted(SIGNALS))}"
    if not sign or (sign == ">") is not (name == MEMORY_PRESSURE):
        return "is not like memory.available<100Mi, nodefs.available<10% or memory.pressure>40%"
    try:
        amount = _amount(value)
    except ValueError as error:
        return f"can not be understood: {error}"
    return "is not a percentage" if sign == ">" and amount.percent is None else ""


def met(
    thresholds: Iterable[Threshold], seen: Mapping[str, Observation], *, with_reclaim: bool = False
) -> Sequence[Threshold]:
    """Those of `thresholds` that are met, their grace aside; `with_reclaim` those that are not yet over."""
    return [one for one in thresholds if one.signal in seen and _is_met(one, seen[one.signal], with_reclaim)]


def evicted_at(thresholds: Iterable[Threshold], capacity: NodeResources) -> NodeResources:
    """What must be left of the node's memory and disk, or pods are killed."""
    hard = {one.signal: one.least for one in thresholds if one.is_hard}
    return NodeResources(
        memory=hard.get(MEMORY, Amount()).of(capacity.memory),
        storage=hard.get("nodefs.available", Amount()).of(capacity.storage),
    )


def _is_met(threshold: Threshold, seen: Observation, with_reclaim: bool) -> bool:
    least = threshold.least.of(seen.capacity)
    if with_reclaim:
        least += threshold.reclaim.of(seen.capacity)
    return seen.available < least

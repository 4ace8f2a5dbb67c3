"""The io controller: weights, limits, latency targets and the cost model of block devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import Controller, Model, Place
from firkin.cgroupfs.keyed import Nested, NestedSettings, Weights
from firkin.cgroupfs.kinds import Word, encode_limit

__all__ = ["Io"]


def _rate(text: str) -> str:
    # The kernel refuses 0, which would stop everything.
    return encode_limit(text, 1, (1 << 64) - 1, units.parse_size)


def _cost(text: str) -> str:
    # 0 stands for no such cost.
    return str(units.parse_size(text))


def _microseconds(text: str) -> str:
    return str(units.parse_time(text))


def _one_of(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return check


def _percent(low: float, high: float) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not low <= float(text) <= high:
            raise ValueError(f"{text} is not within {low:g} to {high:g} percent")
        return f"{float(text):.2f}"

    return check


_QOS = {
    "enable": _one_of("0", "1"),
    "ctrl": _one_of("auto", "user"),
    "rpct": _percent(0, 100),
    "rlat": _microseconds,
    "wpct": _percent(0, 100),
    "wlat": _microseconds,
    "min": _percent(1, 10000),
    "max": _percent(1, 10000),
}
_MODEL = {
    "ctrl": _one_of("auto", "user"),
    "model": _one_of("linear"),
    **dict.fromkeys(("rbps", "rseqiops", "rrandiops", "wbps", "wseqiops", "wrandiops"), _cost),
}


class Io(Controller):
    """Block devices, named MAJOR:MINOR of the whole disk."""

    name: ClassVar[str] = "io"

    stat = Nested(
        "io.stat", Model.STATE, "4.5", "bytes and operations read, written, discarded", access="r", place=Place.ANY
    )
    weight = Weights(
        "io.weight",
        Model.WEIGHT,
        "4.5",
        "share among siblings, where io.cost.qos is enabled",
        high=10000,
        default="default 100",
    )
    bfq_weight = Weights(
        "io.bfq.weight",
        Model.WEIGHT,
        "4.12",
        "share among siblings under the BFQ scheduler",
        high=1000,
        default="default 100",
    )
    max = NestedSettings(
        "io.max",
        Model.LIMIT,
        "4.5",
        "most bytes and operations a second",
        subs=dict.fromkeys(("rbps", "wbps", "riops", "wiops"), _rate),
    )
    latency = NestedSettings(
        "io.latency",
        Model.PROTECTION,
        "4.19",
        "latency in microseconds that peers must leave",
        subs={"target": _microseconds},
    )
    cost_qos = NestedSettings(
        "io.cost.qos",
        Model.CONTROL,
        "5.4",
        "quality of service of a device, for io.weight",
        subs=_QOS,
        place=Place.ROOT,
    )
    cost_model = NestedSettings(
        "io.cost.model", Model.CONTROL, "5.4", "what operations of a device cost", subs=_MODEL, place=Place.ROOT
    )
    prio_class = Word(
        "io.prio.class",
        Model.CONTROL,
        "5.14",
        "how the priorities of requests are changed",
        choices=("no-change", "promote-to-rt", "none-to-rt", "restrict-to-be", "idle"),
        default="no-change",
    )

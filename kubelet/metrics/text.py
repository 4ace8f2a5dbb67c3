"""The text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["CONTENT_TYPE", "Family", "Sample", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Sample(NamedTuple):
    """A value with its labels; `at` is when it was read, in milliseconds since 1970, `suffix` part of a histogram."""

    labels: Mapping[str, str]
    value: float
    at: int | None = None
    suffix: str = ""


class Family(NamedTuple):
    """A metric: `type` is counter, gauge or histogram."""

    name: str
    type: str
    help: str
    samples: list[Sample]


def exposition(families: Iterable[Family]) -> bytes:
    """The metrics as text; those without samples are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
        lines += [f"# HELP {family.name} {text}", f"# TYPE {family.name} {family.type}"]
        lines += [_line(family.name, sample) for sample in family.samples]
    return "".join(f"{line}\n" for line in lines).encode()


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sorted(sample.labels.items()))
    stamp = "" if sample.at is None else f" {sample.at}"
    return (
        f"{name}{sample.suffix}{{{labels}}} {_number(sample.value)}{stamp}"
        if labels
        else (f"{name}{sample.suffix} {_number(sample.value)}{stamp}")
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)

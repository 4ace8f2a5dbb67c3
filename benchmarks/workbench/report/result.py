"""The JSON of a run, as `firkin bench` writes it with --json: read, checked, each fault with its place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated

import msgspec

from firkin.errors import ConfigError, KernelError

__all__ = [
    "Comparison",
    "Distribution",
    "Experiment",
    "Noise",
    "Quantity",
    "Result",
    "Sample",
    "Series",
    "as_result",
    "read_result",
]

_LARGEST = 64 << 20
Part = Annotated[float, msgspec.Meta(ge=0)]


class Quantity(msgspec.Struct, frozen=True):
    """What was predicted and measured, as in `firkin.workbench.experiment.Verdict`; `margin` is None if not known."""

    name: str
    predicted: float
    measured: float
    deviation: Part
    agrees: bool
    decided: bool
    margin: Part | None = None

    @property
    def verdict(self) -> str:
        """Good, bad or unsure."""
        return "good" if self.agrees else "bad" if self.decided else "unsure"


class Series(msgspec.Struct, frozen=True):
    """A quantity over time; `predicted` is empty, or has a value of each time."""

    unit: str
    times: list[float]
    values: list[float]
    predicted: list[float] = []


class Distribution(msgspec.Struct, frozen=True):
    """Pairs of an upper bound, which is None for what is above all others, and how many values it has."""

    unit: str
    counts: list[tuple[float | None, Annotated[int, msgspec.Meta(ge=0)]]]
    predicted: list[tuple[float | None, Part]] = []


class Experiment(msgspec.Struct, frozen=True):
    """One experiment, or why it was left out."""

    name: str
    question: str
    source: str = ""
    unit: str = ""
    tolerance: Part = 0.0
    seconds: Part = 0.0
    quantities: list[Quantity] = []
    series: dict[str, Series] = {}
    distributions: dict[str, Distribution] = {}
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """The worst of its quantities; left if it was not run."""
        found = {quantity.verdict for quantity in self.quantities}
        return next((verdict for verdict in ("bad", "unsure", "good") if verdict in found), "left")


class Sample(msgspec.Struct, frozen=True):
    """What one contender took for one step, time after time."""

    step: str
    contender: str
    values: Annotated[list[float], msgspec.Meta(min_length=1)]
    unit: str = "ms"
    less_is_better: bool = msgspec.field(default=True, name="lessIsBetter")


class Comparison(msgspec.Struct, frozen=True):
    """firkin and its peers, doing the same in turn; `versions` by contender, `missing` are peers that are not here."""

    name: str
    question: str
    samples: list[Sample]
    versions: dict[str, str] = {}
    missing: list[str] = []


class Noise(msgspec.Struct, frozen=True):
    """What a control run found: `figure` is the worst part by which others disturbed, `exceeds` if too much."""

    exceeds: bool = False
    figure: Part = 0.0
    before: dict[str, float] = {}
    after: dict[str, float] = {}


class Facts(msgspec.Struct, frozen=True):
    """The host, when it was measured."""

    kernel: str = ""
    processors: int = 0
    memory: float = 0.0
    date: str = ""
    load: float = 0.0
    model: str = ""
    noise: Noise | None = None


class Result(msgspec.Struct, frozen=True):
    """One run."""

    host: Facts
    experiments: list[Experiment] = []
    comparisons: list[Comparison] = []


def read_result(path: str) -> Result:
    """The result in a file. Raises ConfigError with the place of the first fault, KernelError."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise KernelError(f"read {path}", error.errno or 0) from error
    if len(content) > _LARGEST:
        raise ConfigError("", f"is larger than {_LARGEST >> 20} MiB", document=path)
    hint = "firkin bench models --json > FILE writes one"
    try:
        result = msgspec.json.decode(content, type=Result)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        raise ConfigError(place.rstrip("`").lstrip("."), _lowered(reason), document=path, hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("", f"is not JSON: {error}", document=path, hint=hint) from error
    if not result.experiments and not result.comparisons:
        raise ConfigError("", "has neither experiments nor comparisons", document=path, hint=hint)
    for place, reason in _faults(result):
        raise ConfigError(place, reason, document=path)
    return result


def as_result(document: dict[str, object]) -> Result:
    """The result of a run of this process, from the document that it would write."""
    return msgspec.convert(document, Result, strict=False)


def _lowered(reason: str) -> str:
    return reason[:1].lower() + reason[1:]


def _faults(result: Result) -> Iterator[tuple[str, str]]:
    # What types do not say.
    seen: set[str] = set()
    for number, experiment in enumerate(result.experiments):
        place = f"experiments[{number}]"
        if experiment.name in seen:
            yield f"{place}.name", f"{experiment.name!r} is there twice"
        seen.add(experiment.name)
        for name, series in experiment.series.items():
            for what, values in (("values", series.values), ("predicted", series.predicted or series.times)):
                if len(values) != len(series.times):
                    yield f"{place}.series[{name!r}].{what}", f"{len(values)} for {len(series.times)} times"
        for name, distribution in experiment.distributions.items():
            for what, counts in (("counts", distribution.counts), ("predicted", distribution.predicted)):
                bounds = [math.inf if bound is None else bound for bound, _ in counts]
                if any(first >= second for first, second in itertools.pairwise(bounds)):
                    yield f"{place}.distributions[{name!r}].{what}", "the bounds do not ascend"

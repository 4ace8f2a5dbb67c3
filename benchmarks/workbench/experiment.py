"""What an experiment is: a prediction that is made first, a measurement, and a verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firkin.workbench.measurement import Expectation, Measurement
from firkin.workbench.noise import QUIET, Noise
from firkin.workbench.place import opened_stage
from firkin.workbench.stage import Stage
from firkin.workbench.statistics import Estimate, estimate

__all__ = ["Experiment", "Host", "Outcome", "UnmeasurableError", "Verdict", "judged", "run_experiment"]

_NOTHING = Measurement({})
_UNKNOWN = Expectation()
_LEAST = 2  # repetitions: fewer say nothing of how far they are off


@dataclass(frozen=True)
class Host:
    """What predictions depend on, and how long to measure: `seconds` at a time, `repetitions` times, or only twice or
    more if one experiment would take more than `budget` seconds.

    `device` is the path of a block device that experiments may overwrite, empty if there is none.
    """

    processors: int
    page: int
    seconds: float
    repetitions: int
    device: str = ""
    budget: float = math.inf


def _unmoved(noise: Noise) -> float:
    return 0.0


@dataclass(frozen=True)
class Experiment:
    """One question to the kernel.

    `predict` names quantities with their values; `measure` is one repetition on a fresh stage and gives the same
    names. A measurement agrees that is within `tolerance` of what is predicted, as a part of `whole` (of the
    predicted value itself where that is 0), and further off by as much as the noise of the host may make it
    (`roughness`, in `unit`) it is not held against the kernel. `expect` says what its series and distributions should
    look like, and `lacking` why this host can not run it, beyond the `controllers` that it needs; empty if it can.
    """

    name: str
    question: str
    source: str
    controllers: tuple[str, ...]
    unit: str
    tolerance: float
    predict: Callable[[Host], Mapping[str, float]]
    measure: Callable[[Host, Stage], Measurement]
    whole: Callable[[Host], float] = lambda host: 0.0
    expect: Callable[[Host], Expectation] = lambda host: _UNKNOWN
    lacking: Callable[[Host], str] = lambda host: ""
    roughness: Callable[[Noise], float] = _unmoved


class UnmeasurableError(Exception):
    """The host refused what an experiment needs, in a way that could not be told before; says why."""


@dataclass(frozen=True)
class Verdict:
    """One quantity: predicted, measured, by which part of the whole they differ, and whether they agree.

    `is_decided` is false where they differ by more than is tolerated, but not by more than the measurement may be off,
    by its own variation and by the noise of the host.
    """

    name: str
    predicted: float
    measured: Estimate
    deviation: float
    agrees: bool
    is_decided: bool


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment: the verdicts, the `last` repetition with what was expected of it, and how many
    `seconds` all repetitions took. If it could not be run, `skipped` says why, and there is nothing else."""

    experiment: Experiment
    verdicts: tuple[Verdict, ...] = ()
    last: Measurement = _NOTHING
    expected: Expectation = _UNKNOWN
    seconds: float = 0.0
    skipped: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all quantities do."""
        return not self.skipped and all(verdict.agrees for verdict in self.verdicts)

    @property
    def differs(self) -> bool:
        """Whether one is clearly not as predicted."""
        return any(verdict.is_decided and not verdict.agrees for verdict in self.verdicts)


def run_experiment(
    experiment: Experiment, host: Host, progress: Callable[[int], None] = lambda done: None,
    control: Callable[[], Noise] = lambda: QUIET,
) -> Outcome:  # fmt: skip
    """Measure, so often as `host` says, and compare. `progress` is told how many repetitions are done; `control` tells
    afterwards how noisy the host was, if that matters.

    Raises UnmeasurableError, CgroupError, ControllerError.
    """
    began = time.monotonic()
    predicted, expected = experiment.predict(host), experiment.expect(host)
    found: dict[str, list[float]] = {name: [] for name in predicted}
    measured = _NOTHING
    for number in range(host.repetitions):
        if number >= _LEAST and (time.monotonic() - began) * (number + 1) / number > host.budget:
            break
        progress(number)
        with opened_stage(experiment.controllers) as stage:
            measured = experiment.measure(host, stage)
        for name in predicted:
            found[name].append(measured.values[name])
    noise = control() if experiment.roughness is not _unmoved else QUIET
    verdicts = tuple(judged(experiment, host, predicted, found, noise))
    return Outcome(experiment, verdicts, measured, expected, time.monotonic() - began)


def judged(
    experiment: Experiment, host: Host, predicted: Mapping[str, float], found: Mapping[str, Sequence[float]],
    noise: Noise,
) -> Iterator[Verdict]:  # fmt: skip
    """What repetitions say of each quantity that was predicted, in the noise that there was."""
    whole, roughness = experiment.whole(host), experiment.roughness(noise)
    for name, value in predicted.items():
        measured = estimate(found[name])
        off = abs(measured.mean - value)
        deviation = off / (whole or abs(value) or 1.0)
        agrees = deviation <= experiment.tolerance
        yield Verdict(name, value, measured, deviation, agrees, agrees or off > measured.margin + roughness)

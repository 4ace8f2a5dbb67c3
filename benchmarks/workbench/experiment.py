"""What an experiment is: a prediction that is made first, a measurement, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firkin.workbench.stage import Stage, opened_stage
from firkin.workbench.statistics import Estimate, estimate

__all__ = ["Experiment", "Host", "Outcome", "Verdict", "run_experiment"]


@dataclass(frozen=True)
class Host:
    """What predictions depend on, and how long to measure: `seconds` at a time, `repetitions` times."""

    processors: int
    page: int
    seconds: float
    repetitions: int


@dataclass(frozen=True)
class Experiment:
    """One question to the kernel.

    `predict` names quantities with their values; `measure` is one repetition on a fresh stage and gives the same
    names. A measurement agrees that is within `tolerance` of what is predicted, as a part of `whole` (of the
    predicted value itself where that is 0).
    """

    name: str
    question: str
    source: str
    controllers: tuple[str, ...]
    unit: str
    tolerance: float
    predict: Callable[[Host], Mapping[str, float]]
    measure: Callable[[Host, Stage], Mapping[str, float]]
    whole: Callable[[Host], float] = lambda host: 0.0


@dataclass(frozen=True)
class Verdict:
    """One quantity: predicted, measured, by which part of the whole they differ, and whether they agree.

    `is_decided` is false where they differ by more than is tolerated, but not by more than the measurement may be off.
    """

    name: str
    predicted: float
    measured: Estimate
    deviation: float
    agrees: bool
    is_decided: bool


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment."""

    experiment: Experiment
    verdicts: tuple[Verdict, ...]

    @property
    def agrees(self) -> bool:
        """Whether all quantities do."""
        return all(verdict.agrees for verdict in self.verdicts)

    @property
    def differs(self) -> bool:
        """Whether one is clearly not as predicted."""
        return any(verdict.is_decided and not verdict.agrees for verdict in self.verdicts)


def run_experiment(experiment: Experiment, host: Host, progress: Callable[[int], None] = lambda done: None) -> Outcome:
    """Measure, so often as `host` says, and compare. `progress` is told how many repetitions are done.

    Raises CgroupError, ControllerError.
    """
    predicted = experiment.predict(host)
    found: dict[str, list[float]] = {name: [] for name in predicted}
    for number in range(host.repetitions):
        progress(number)
        with opened_stage(experiment.controllers) as stage:
            measured = experiment.measure(host, stage)
        for name in predicted:
            found[name].append(measured[name])
    return Outcome(experiment, tuple(_judge(experiment, host, predicted, found)))


def _judge(
    experiment: Experiment, host: Host, predicted: Mapping[str, float], found: Mapping[str, Sequence[float]]
) -> Iterator[Verdict]:
    whole = experiment.whole(host)
    for name, value in predicted.items():
        measured = estimate(found[name])
        deviation = abs(measured.mean - value) / (whole or abs(value) or 1.0)
        agrees = deviation <= experiment.tolerance
        yield Verdict(name, value, measured, deviation, agrees, agrees or abs(measured.mean - value) > measured.margin)

"""The probes of one container, for as long as it runs: when each is due, and what came of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

from firkin import log
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod_status import ContainerStatus
from firkin.kubelet.api.probe import Probe
from firkin.kubelet.probes.answer import Answer, Ask, Question
from firkin.kubelet.probes.step import Kind, Outcome, State, begin, step
from firkin.kubelet.probes.tally import Tally
from firkin.kubelet.probes.verdict import Failed, Running, Verdict

__all__ = ["ContainerProbes", "Surroundings", "Timer"]

_LOG = log.to("probes")

# Questions are asked at quarters of a second: those of 110 pods cost half when several are asked at one waking.
_TICKS = 4


class Handle(Protocol):
    """Something that will be called."""

    def cancel(self) -> None: ...


class Timer(Protocol):
    """What is wanted of the event loop: the time in seconds, and to be called at one."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], object], /) -> Handle: ...


class Surroundings(NamedTuple):
    """What all probes share.

    `wall` is the time since 1970, `lag` how long to put the first question off, given the period of a probe and the
    start of its container, so that not all are asked at once; `changed` is called when a verdict has changed,
    `answered` with each answer.
    """

    ask: Ask
    timer: Timer
    wall: Callable[[], float]
    lag: Callable[[int, float], float]
    changed: Callable[[], None]
    answered: Callable[[Container, Kind, Answer], None]
    pod_ip: Callable[[], str]


class ContainerProbes:
    """Asks one container until stop().

    Parameters: `known` is the status of the container that was told before the agent began, None of a new one.
    """

    def __init__(
        self, container: Container, running: Running, known: ContainerStatus | None, around: Surroundings
    ) -> None:
        self.container = container
        self.running = running
        self._is_started_before = known is not None and known.started is True
        self._probes: dict[Kind, _Asker] = {}
        before = {Kind.STARTUP: self._is_started_before or None, Kind.READINESS: known.ready if known else None}
        for kind, probe in _probes_of(container):
            state = begin(kind, probe, before.get(kind))
            self._probes[kind] = _Asker(self, probe, state, around)
        self._around = around
        self._plan()

    def verdict(self) -> Verdict:
        """What is known now."""
        started, ready = self._is_started(), self._probes.get(Kind.READINESS)
        failed = None
        for kind in (Kind.STARTUP, Kind.LIVENESS):
            asker = self._probes.get(kind)
            if asker is not None and asker.state.verdict is False:
                grace = asker.probe.termination_grace_period_seconds
                failed = failed or Failed(kind, asker.message, grace)
        return Verdict(started, started and (ready is None or ready.state.verdict is True), failed)

    def quiet(self) -> None:
        """Ask no more whether it has started and lives: its pod is being ended."""
        for kind in (Kind.STARTUP, Kind.LIVENESS):
            if kind in self._probes:
                self._probes[kind].stop()

    def stop(self) -> None:
        """Ask no more."""
        for asker in self._probes.values():
            asker.stop()

    def tallies(self) -> list[tuple[Kind, Tally]]:
        """How many answers of each kind there were."""
        return [(kind, asker.tally) for kind, asker in self._probes.items()]

    def tasks(self) -> list[asyncio.Task[None]]:
        """The questions that are under way."""
        return [asker.task for asker in self._probes.values() if asker.task is not None]

    def settled(self) -> None:
        """A verdict has changed."""
        self._plan()
        self._around.changed()

    def _is_started(self) -> bool:
        startup = self._probes.get(Kind.STARTUP)
        return startup is None or startup.state.verdict is True

    def _plan(self) -> None:
        # Until it has started the container is asked for nothing else.
        started = self._is_started()
        for kind, asker in self._probes.items():
            if kind is Kind.STARTUP or started:
                asker.plan()


class _Asker:
    # One probe of one container: at most one question at a time.

    def __init__(self, owner: ContainerProbes, probe: Probe, state: State, around: Surroundings) -> None:
        self._owner = owner
        self._around = around
        self._due = 0.0
        self._handle: Handle | None = None
        self._is_stopped = False
        self.probe = probe
        self.state = state
        self.message = ""
        self.task: asyncio.Task[None] | None = None
        self.tally = Tally()

    def plan(self) -> None:
        # Asks for the first time, once the container had its time; does nothing if that is planned.
        if self._handle is not None or self._is_stopped or self.state.is_over:
            return
        delay = self.probe.initial_delay_seconds
        rest = min(max(self._owner.running.started_at + delay - self._around.wall(), 0), delay)
        self._due = self._around.timer.time() + max(
            rest, self._around.lag(self.probe.period_seconds, self._owner.running.started_at)
        )
        self._handle = self._around.timer.call_at(self._due, self._begin)

    def stop(self) -> None:
        self._is_stopped = True
        if self._handle is not None:
            self._handle.cancel()
        if self.task is not None:
            self.task.cancel()

    def _begin(self) -> None:
        self.task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        owner, around = self._owner, self._around
        began = around.timer.time()
        try:
            answer = await around.ask(
                Question(self.probe, owner.container, owner.running.container_id, around.pod_ip())
            )
        except Exception:
            _LOG.exception("a probe failed in the agent itself")
            answer = Answer(Outcome.UNKNOWN, "the agent failed")
        finally:
            self.task = None
        self.tally.add(answer.outcome, around.timer.time() - began)
        self._take(answer)
        self._next()

    def _take(self, answer: Answer) -> None:
        before = self.state.verdict
        self.state = step(self.state, answer.outcome)
        self.message = answer.message
        self._around.answered(self._owner.container, self.state.kind, answer)
        if self.state.verdict is not before:
            self._owner.settled()

    def _next(self) -> None:
        if self._is_stopped or self.state.is_over:
            return
        # At even distances; those that an answer was waited for in are left out.
        now, period = self._around.timer.time(), self.probe.period_seconds
        self._due += period * max(1, int((now - self._due) // period) + 1)
        self._due = math.ceil(self._due * _TICKS) / _TICKS
        self._handle = self._around.timer.call_at(self._due, self._begin)


def _probes_of(container: Container) -> list[tuple[Kind, Probe]]:
    probes = (
        (Kind.STARTUP, container.startup_probe),
        (Kind.LIVENESS, container.liveness_probe),
        (Kind.READINESS, container.readiness_probe),
    )
    return [(kind, probe) for kind, probe in probes if probe is not None]

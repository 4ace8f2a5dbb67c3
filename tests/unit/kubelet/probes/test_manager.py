"""When containers are asked, and what their pods' workers are told, by a clock that the test turns."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.pod_status import ContainerStatus, PodStatus
from firkin.kubelet.api.probe import ExecAction, Probe
from firkin.kubelet.probes.answer import Answer, Question
from firkin.kubelet.probes.manager import Probes
from firkin.kubelet.probes.step import Kind, Outcome
from firkin.kubelet.probes.verdict import Failed, Running, Verdict

BEGIN = 1000.0
WALL = 1_700_000_000.0


class Clock:
    """A loop's timer that stands still until it is told."""

    def __init__(self) -> None:
        self.now = BEGIN
        self._calls: list[tuple[float, int, Callable[[], object], list[bool]]] = []

    def time(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL + self.now - BEGIN

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        is_cancelled: list[bool] = []
        heapq.heappush(self._calls, (when, id(is_cancelled), callback, is_cancelled))
        return Call(is_cancelled)

    async def advance(self, seconds: float) -> None:
        """Let the time pass, and all that is due by then happen at its own."""
        until = self.now + seconds
        while self._calls and self._calls[0][0] <= until:
            when, _, callback, is_cancelled = heapq.heappop(self._calls)
            self.now = max(self.now, when)
            if not is_cancelled:
                callback()
                await settle()
        self.now = until


class Call:
    def __init__(self, is_cancelled: list[bool]) -> None:
        self._is_cancelled = is_cancelled

    def cancel(self) -> None:
        self._is_cancelled.append(True)


async def settle() -> None:
    """Let all tasks run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Containers:
    """Answers what it is told to, and notes when it was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked: list[tuple[float, str]] = []
        self.answers: dict[str, Answer] = {}
        self.held: dict[str, asyncio.Event] = {}

    async def ask(self, question: Question) -> Answer:
        [word] = question.probe.exec.command if question.probe.exec else ["?"]
        self.asked.append((self._clock.now - BEGIN, f"{question.container_id} {word}"))
        if word in self.held:
            await self.held[word].wait()
        return self.answers.get(word, Answer(Outcome.SUCCESS))


class Recorded:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def record(self, _: object, __: str, reason: str, message: str, *, field_path: str = "") -> None:
        self.events.append((reason, message, field_path))


class World:
    def __init__(self, chance: float = 0.0) -> None:
        self.clock = Clock()
        self.containers = Containers(self.clock)
        self.recorded = Recorded()
        self.changed: list[str] = []
        self.probes = Probes(
            self.containers.ask,
            self.recorded,
            self.changed.append,
            timer=self.clock,
            wall=self.clock.wall,
            chance=lambda: chance,
        )


def probe(word: str, **fields: Any) -> Probe:
    return Probe(exec=ExecAction(command=[word]), **fields)


def pod(container: Container, status: ContainerStatus | None = None, *, deleted: bool = False) -> Pod:
    stamp = datetime(2026, 1, 1, tzinfo=UTC) if deleted else None
    return Pod(
        metadata=ObjectMeta(name="web", namespace="default", uid="u", deletion_timestamp=stamp),
        spec=PodSpec(containers=[container]),
        status=PodStatus(container_statuses=[status] if status else []),
    )


def running(container_id: str = "one", since: float = 0.0) -> dict[str, Running]:
    return {"web": Running(container_id, WALL + since)}


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_a_container_without_probes_is_started_and_ready_while_it_runs() -> None:
    async def test() -> None:
        world = World()
        world.probes.watch(pod(Container(name="web")), running(), "10.0.0.1")
        assert world.probes.verdicts("u") == {"web": Verdict(True, True, None)}
        world.probes.watch(pod(Container(name="web")), {}, "10.0.0.1")
        assert world.probes.verdicts("u") == {}
        assert world.probes.verdicts("other") == {}

    run(test)


def test_readiness_is_asked_after_the_delay_and_then_at_even_distances() -> None:
    async def test() -> None:
        world = World()
        ready = probe("ready", initial_delay_seconds=5, period_seconds=3)
        world.probes.watch(pod(Container(name="web", readiness_probe=ready)), running(), "")
        await world.clock.advance(4.9)
        assert world.probes.verdicts("u")["web"] == Verdict(True, False, None)
        await world.clock.advance(7)
        assert world.containers.asked == [(5, "one ready"), (8, "one ready"), (11, "one ready")]
        assert world.probes.verdicts("u")["web"] == Verdict(True, True, None)
        assert world.changed == ["u"]

    run(test)


def test_a_container_that_runs_longer_than_its_delay_is_asked_at_once() -> None:
    async def test() -> None:
        world = World()
        ready = probe("ready", initial_delay_seconds=5)
        world.probes.watch(pod(Container(name="web", readiness_probe=ready)), running(since=-60), "")
        await world.clock.advance(0)
        assert world.containers.asked == [(0, "one ready")]

    run(test)


def test_an_answer_that_is_waited_for_leaves_questions_out() -> None:
    async def test() -> None:
        world = World()
        held = world.containers.held["ready"] = asyncio.Event()
        ready = probe("ready", period_seconds=3)
        world.probes.watch(pod(Container(name="web", readiness_probe=ready)), running(), "")
        await world.clock.advance(7)
        held.set()
        await settle()
        await world.clock.advance(5)
        assert [when for when, _ in world.containers.asked] == [0, 9, 12]

    run(test)


def test_until_it_has_started_nothing_else_is_asked() -> None:
    async def test() -> None:
        world = World()
        world.containers.answers["startup"] = Answer(Outcome.FAILURE, "not yet")
        web = Container(
            name="web",
            startup_probe=probe("startup", period_seconds=2, failure_threshold=30),
            liveness_probe=probe("live", period_seconds=4),
            readiness_probe=probe("ready", period_seconds=4),
        )
        world.probes.watch(pod(web), running(), "")
        await world.clock.advance(5)
        assert world.probes.verdicts("u")["web"] == Verdict(False, False, None)
        world.containers.answers.clear()
        await world.clock.advance(6)
        asked = [f"{when:g} {word[4:]}" for when, word in world.containers.asked]
        assert asked[:4] == ["0 startup", "2 startup", "4 startup", "6 startup"]
        assert sorted(asked[4:]) == ["10 live", "10 ready", "6 live", "6 ready"]
        assert world.probes.verdicts("u")["web"] == Verdict(True, True, None)
        assert world.changed == ["u", "u"]
        assert world.recorded.events[0] == ("Unhealthy", "Startup probe failed: not yet", "spec.containers{web}")

    run(test)


@pytest.mark.parametrize(("kind", "field"), [(Kind.LIVENESS, "liveness_probe"), (Kind.STARTUP, "startup_probe")])
def test_a_container_that_fails_is_told_of_once_and_asked_no_more(kind: Kind, field: str) -> None:
    async def test() -> None:
        world = World()
        world.containers.answers["p"] = Answer(Outcome.FAILURE, "no")
        asking = probe("p", period_seconds=1, termination_grace_period_seconds=7)
        web = structs.replace(Container(name="web"), **{field: asking})
        world.probes.watch(pod(web), running(), "")
        await world.clock.advance(30)
        assert len(world.containers.asked) == 3
        assert world.probes.verdicts("u")["web"].failed == Failed(kind, "no", 7)
        assert world.changed == ["u"]
        # The same container is told again of a pod that is synchronized again; another one begins anew.
        world.probes.watch(pod(web), running(), "")
        assert world.probes.verdicts("u")["web"].failed is not None
        world.probes.watch(pod(web), running("two", since=30), "")
        assert world.probes.verdicts("u")["web"].failed is None
        await world.clock.advance(0)
        assert world.containers.asked[3] == (30, "two p")

    run(test)


def test_a_warning_and_an_error_are_told_and_count_for_nothing() -> None:
    async def test() -> None:
        world = World()
        world.containers.answers["p"] = Answer(Outcome.UNKNOWN, "the runtime is down")
        world.probes.watch(pod(Container(name="web", liveness_probe=probe("p", failure_threshold=1))), running(), "")
        await world.clock.advance(0)
        world.containers.answers["p"] = Answer(Outcome.SUCCESS, "Probe terminated redirects", True)
        await world.clock.advance(10)
        assert [event[:2] for event in world.recorded.events] == [
            ("Unhealthy", "Liveness probe errored and resulted in unknown state: the runtime is down"),
            ("ProbeWarning", "Liveness probe warning: Probe terminated redirects"),
        ]
        assert world.probes.verdicts("u")["web"].failed is None
        [tallied] = world.probes.tallies()
        assert (tallied.tally.successful, tallied.tally.failed, tallied.tally.unknown) == (1, 0, 1)

    run(test)


def test_what_a_status_says_of_a_running_container_holds_until_it_is_asked() -> None:
    async def test() -> None:
        world = World(chance=0.5)
        web = Container(name="web", startup_probe=probe("startup"), readiness_probe=probe("ready"))
        known = ContainerStatus(name="web", container_id="firkin://one", started=True, ready=True)
        world.probes.watch(pod(web, known), running(since=-60), "")
        assert world.probes.verdicts("u")["web"] == Verdict(True, True, None)
        await world.clock.advance(12)
        assert world.containers.asked == [(5, "one ready")]
        world.probes.watch(pod(web, known), running("two", since=10), "")
        assert world.probes.verdicts("u")["web"] == Verdict(False, False, None)

    run(test)


def test_a_pod_that_is_deleted_is_asked_for_readiness_alone() -> None:
    async def test() -> None:
        world = World()
        web = Container(name="web", liveness_probe=probe("live"), readiness_probe=probe("ready"))
        world.probes.watch(pod(web), running(), "")
        await world.clock.advance(1)
        world.probes.watch(pod(web, deleted=True), running(), "")
        await world.clock.advance(10)
        assert sorted(world.containers.asked) == [(0, "one live"), (0, "one ready"), (10, "one ready")]

    run(test)


def test_forgotten_pods_are_not_asked_and_their_questions_end() -> None:
    async def test() -> None:
        world = World()
        world.containers.held["live"] = asyncio.Event()
        web = Container(name="web", liveness_probe=probe("live"), readiness_probe=probe("ready"))
        world.probes.watch(pod(web), running(), "")
        await world.clock.advance(0)
        await world.probes.close()
        await world.clock.advance(60)
        assert len(world.containers.asked) == 2
        assert world.probes.verdicts("u") == {}
        assert len(asyncio.all_tasks()) == 1

    run(test)


def test_sidecars_are_asked_and_other_init_containers_are_not() -> None:
    async def test() -> None:
        world = World()
        sidecar = Container(name="web", restart_policy="Always", liveness_probe=probe("live"))
        once = Container(name="once", liveness_probe=probe("once"))
        both = Pod(metadata=ObjectMeta(name="p", uid="u"), spec=PodSpec(init_containers=[sidecar, once]))
        world.containers.answers["live"] = Answer(Outcome.FAILURE, "no")
        world.probes.watch(both, {**running(), "once": Running("three", WALL)}, "")
        await world.clock.advance(0)
        assert world.containers.asked == [(0, "one live")]
        assert world.recorded.events == [("Unhealthy", "Liveness probe failed: no", "spec.initContainers{web}")]

    run(test)

"""Events among the objects: made, counted, combined, expired, and gone on with after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.events.recorder import Recorder
from firkin.kubelet.objects.store import Objects

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POD = Pod(metadata=ObjectMeta(name="web", namespace="shop", uid="u"))


class World:
    def __init__(self, path: Path) -> None:
        self.now = BEGIN
        self.objects = Objects(str(path / "objects.db"), clock=self.clock)
        self.recorder = self.recorder_of("kubelet")

    def clock(self) -> datetime:
        return self.now

    def recorder_of(self, component: str) -> Recorder:
        return Recorder(self.objects, component, "node", self.clock)

    def events(self) -> list[Event]:
        return self.objects.list(Event, "shop")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.objects.close()


def test_an_event_says_what_happened_to_whom_when_and_who_tells_it(world: World) -> None:
    world.recorder.record(POD, "Warning", "Unhealthy", "no", field_path="spec.containers{web}")
    [event] = world.events()
    about = event.involved_object
    assert (about.kind, about.api_version, about.namespace, about.name, about.uid) == ("Pod", "v1", "shop", "web", "u")
    assert about.field_path == "spec.containers{web}"
    assert (event.type, event.reason, event.message, event.count) == ("Warning", "Unhealthy", "no", 1)
    assert (event.source.component, event.source.host) == ("kubelet", "node")
    assert event.first_timestamp == event.last_timestamp == BEGIN
    assert event.metadata.name == f"web.{int(BEGIN.timestamp()) * 10**9:x}"


def test_the_same_again_is_counted(world: World) -> None:
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.now += timedelta(seconds=30)
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.recorder.record(POD, "Normal", "Started", "it runs")
    world.recorder.record(POD, "Normal", "Created", "it is made")
    pulled, *others = world.events()
    assert (pulled.count, pulled.first_timestamp, pulled.last_timestamp) == (2, BEGIN, world.now)
    assert sorted(event.reason for event in others) == ["Created", "Started"]


def test_what_is_said_in_ten_ways_is_one_event_with_the_last_words(world: World) -> None:
    for n in range(12):
        world.recorder.record(POD, "Warning", "Failed", f"no {n}")
    events = world.events()
    assert len(events) == 10
    [combined] = [event for event in events if event.count > 1]
    assert (combined.count, combined.message) == (3, "(combined from similar events): no 11")


def test_a_recorder_that_is_restarted_counts_on(world: World) -> None:
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.recorder_of("other").record(POD, "Normal", "Pulled", "it is there")
    world.recorder_of("kubelet").record(POD, "Normal", "Pulled", "it is there")
    assert sorted(event.count for event in world.events()) == [1, 2]


def test_what_did_not_happen_for_an_hour_is_forgotten(world: World) -> None:
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.recorder.record(POD, "Normal", "Started", "it runs")
    world.now += timedelta(minutes=30)
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.now += timedelta(minutes=31)
    world.recorder.expire()
    assert [event.reason for event in world.events()] == ["Pulled"]
    world.now += timedelta(hours=1)
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    assert [event.count for event in world.events()] == [1]


def test_an_event_that_somebody_deleted_is_made_anew(world: World) -> None:
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    world.objects.remove(Event, "shop", world.events()[0].metadata.name)
    world.recorder.record(POD, "Normal", "Pulled", "it is there")
    assert [event.count for event in world.events()] == [1]

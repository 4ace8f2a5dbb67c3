"""Images that nobody uses go when the disk is full, the longest unused one first, or when they are too old."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from firkin.cri.api.container_pb2 import Container
from firkin.cri.api.image_pb2 import Image, ImageSpec
from firkin.errors import StateError
from firkin.kubelet.resources.image_choice import FileSystem, ImageSettings, image_faults, to_free
from firkin.kubelet.resources.images import ImageGarbage


class Runtime:
    """Images on a disk of 1000 bytes, some used by containers."""

    def __init__(self, **sizes: int) -> None:
        self.images = {
            name: Image(id=f"sha256:{name}", repo_tags=[f"docker.io/library/{name}:latest"], size=size)
            for name, size in sizes.items()
        }
        self.used: list[str] = []
        self.refused: set[str] = set()
        self.removed: list[str] = []
        self.other = 0

    async def list_images(self) -> list[Image]:
        return list(self.images.values())

    async def list_containers(self) -> list[Container]:
        return [Container(image_ref=f"sha256:{name}") for name in self.used]

    async def remove_image(self, spec: ImageSpec) -> None:
        name = spec.image.removeprefix("sha256:")
        if name in self.refused:
            raise StateError("in use")
        self.removed.append(name)
        del self.images[name]

    def disk(self) -> FileSystem:
        return FileSystem(1000 - self.other - sum(image.size for image in self.images.values()), 1000)


class World:
    """A runtime, its collector and a clock."""

    def __init__(self, runtime: Runtime, **settings: Any) -> None:
        self.runtime = runtime
        self.now = 10_000.0
        self.failures: list[str] = []
        self.references: list[str] = []
        self.garbage = ImageGarbage(
            runtime,
            ImageSettings(**settings),
            references=lambda: self.references,
            disk=runtime.disk,
            failed=self.failures.append,
            clock=lambda: self.now,
        )

    def collect(self, later: float = 0.0) -> list[str]:
        """Collect `later`; returns what was removed by that."""
        self.now += later
        before = len(self.runtime.removed)
        asyncio.run(self.garbage.collect())
        return self.runtime.removed[before:]


@pytest.mark.parametrize(("available", "expected"), [(1000, 0), (160, 0), (151, 49), (150, 50), (100, 100), (0, 200)])
def test_how_much_must_go(available: int, expected: int) -> None:
    assert to_free(FileSystem(available, 1000), ImageSettings()) == expected


def test_a_disk_of_no_size_is_not_full() -> None:
    assert to_free(FileSystem(0, 0), ImageSettings()) == 0


def test_while_there_is_room_nothing_goes() -> None:
    assert World(Runtime(a=400, b=400)).collect() == []


def test_the_longest_unused_goes_first_and_no_more_than_must() -> None:
    world = World(Runtime(a=200, b=200, c=200))
    world.runtime.used = ["a", "b"]
    world.collect()
    world.runtime.used = ["a"]
    world.collect(10)
    world.runtime.used = []
    world.runtime.other = 250
    assert world.collect(10) == ["c"] and not world.failures
    world.runtime.other = 460
    assert world.collect(10) == ["b"]


def test_what_is_used_wanted_pinned_or_new_stays_and_that_it_is_not_enough_is_told() -> None:
    world = World(Runtime(a=200, b=200, c=200))
    world.runtime.used = ["a"]
    world.references = ["b"]
    world.runtime.images["c"].pinned = True
    world.collect()
    world.runtime.images["d"] = Image(id="sha256:d", size=390)
    assert world.collect(60) == []
    assert world.failures == [
        "Failed to garbage collect required amount of images. Attempted to free 190 bytes, but only found 0 bytes "
        "eligible to free."
    ]
    assert world.collect(120) == ["d"]


def test_an_image_that_can_not_be_removed_does_not_keep_the_others() -> None:
    world = World(Runtime(a=450, b=450))
    world.runtime.refused = {"a"}
    assert world.collect() == ["b"]


def test_all_that_is_unused_goes_when_the_node_runs_out_of_disk() -> None:
    world = World(Runtime(a=100, b=100, c=100))
    world.runtime.used = ["b"]
    assert asyncio.run(world.garbage.remove_unused()) == 200
    assert sorted(world.runtime.removed) == ["a", "c"]


def test_what_is_too_old_goes_whatever_room_there_is_but_not_before_that_is_known() -> None:
    world = World(Runtime(a=10, b=10), max_age_seconds=1000)
    world.runtime.used = ["a"]
    assert world.collect() == []
    assert world.collect(900) == []
    world.runtime.used = []
    assert world.collect(101) == ["b"]
    assert world.collect(800) == []
    assert world.collect(200) == ["a"]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"low_percent": 90}, "kubelet.images: low_percent must be less than high_percent, both within 0 to 100"),
        ({"high_percent": 101}, "kubelet.images: low_percent must be less than high_percent, both within 0 to 100"),
        ({"min_age_seconds": -1}, "kubelet.images.min_age_seconds: is less than 0"),
        ({"max_age_seconds": 10}, "kubelet.images.max_age_seconds: is less than min_age_seconds"),
        ({"interval_seconds": 0}, "kubelet.images.interval_seconds: is less than 1"),
    ],
)
def test_faults_of_settings_are_named(settings: dict[str, int], fault: str) -> None:
    assert list(image_faults(ImageSettings(**settings))) == [fault]
    assert not list(image_faults(ImageSettings()))

"""Which images go that nobody uses. Pure.

Source: "Garbage collection of unused containers and images" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from firkin.cri.api.image_pb2 import Image

__all__ = ["FileSystem", "ImageSettings", "Known", "image_faults", "remember", "to_free", "unused"]


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """`[kubelet.images]`: when unused images go.

    Every `interval_seconds`, if `high_percent` of the images' file system or more is in use, images that nobody uses
    and that are here for `min_age_seconds` at least are removed until it is less than `low_percent`. Those that were
    not used for `max_age_seconds` go in any case; 0 keeps them.
    """

    high_percent: int = 85
    low_percent: int = 80
    min_age_seconds: int = 120
    max_age_seconds: int = 0
    interval_seconds: int = 300


def image_faults(settings: ImageSettings) -> Iterator[str]:
    """What is wrong with the settings, a text each with its key."""
    if not 0 <= settings.low_percent < settings.high_percent <= 100:
        yield "kubelet.images: low_percent must be less than high_percent, both within 0 to 100"
    for key in ("min_age_seconds", "max_age_seconds"):
        if getattr(settings, key) < 0:
            yield f"kubelet.images.{key}: is less than 0"
    if 0 < settings.max_age_seconds < settings.min_age_seconds:
        yield "kubelet.images.max_age_seconds: is less than min_age_seconds"
    if settings.interval_seconds < 1:
        yield "kubelet.images.interval_seconds: is less than 1"


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of an image: since when it is here, when it was used last, its bytes. Times in seconds."""

    since: float
    last_used: float
    size: int
    is_pinned: bool = False


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The file system of the images: bytes."""

    available: int
    capacity: int


def to_free(disk: FileSystem, settings: ImageSettings) -> int:
    """How many bytes of images must go; 0 if there is no need."""
    used = 100 - disk.available * 100 // disk.capacity if disk.capacity else 0
    if used < settings.high_percent:
        return 0
    return disk.capacity * (100 - settings.low_percent) // 100 - disk.available


def remember(
    known: Mapping[str, Known], images: Iterable[Image], used: frozenset[str], now: float, since: float
) -> dict[str, Known]:
    """What is remembered now.

    Parameters: `used` are the ids of images that are in use; `since` is when new ones are taken to have come: long ago
    for those that are there when the agent starts.
    """
    found = {}
    for image in images:
        before = known.get(image.id) or Known(since, since, 0)
        last_used = now if image.id in used else before.last_used
        found[image.id] = Known(before.since, last_used, image.size, image.pinned)
    return found


def unused(known: Mapping[str, Known], used: frozenset[str], now: float, settings: ImageSettings) -> Sequence[str]:
    """The ids of images that may go, the one that was not used for longest first."""
    able = (
        (id, one)
        for id, one in known.items()
        if id not in used and not one.is_pinned and now - one.since >= settings.min_age_seconds
    )
    return [id for id, _ in sorted(able, key=lambda item: (item[1].last_used, item[1].since))]

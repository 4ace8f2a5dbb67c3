"""The memory controller: protections, limits, swap, reclaim."""

from __future__ import annotations

import os
from types import TracebackType
from typing import ClassVar, Never

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import Controller, File, Model, Place
from firkin.cgroupfs.keyed import Flat, Nested
from firkin.cgroupfs.kinds import Flag, Limited, Number
from firkin.errors import CgroupFileError

__all__ = ["Memory", "PeakMeter", "Reclaim"]


class Reclaim(File[Never, int | str]):
    """`SIZE [swappiness=0..200|max]`."""

    words = "a size such as 512m, and swappiness=0 to 200 or max if wanted"

    def encode(self, value: int | str) -> list[str]:
        size, _, option = str(value).strip().partition(" ")
        text = str(units.parse_size(size))
        if not option:
            return [text]
        name, _, swappiness = option.strip().partition("=")
        if name != "swappiness":
            raise ValueError(f"unknown key {name!r}")
        if swappiness != "max" and not (swappiness.isdecimal() and int(swappiness) <= 200):
            raise ValueError(f"swappiness {swappiness!r} is not within 0 to 200, nor max")
        return [f"{text} swappiness={swappiness}"]


def _limit(name: str, since: str, what: str, model: Model = Model.LIMIT, default: str = "max") -> Limited:
    return Limited(name, model, since, what, parse=units.parse_size, default=default)


def _state(name: str, since: str, what: str) -> Number:
    return Number(name, Model.STATE, since, what, access="r")


class Memory(Controller):
    """Memory and swap, in bytes; the kernel rounds down to pages."""

    name: ClassVar[str] = "memory"

    current = _state("memory.current", "4.5", "memory in use")
    peak = _state("memory.peak", "5.19", "most memory ever in use")
    min = _limit("memory.min", "4.18", "memory that is never reclaimed", Model.PROTECTION, "0")
    low = _limit("memory.low", "4.5", "memory reclaimed only if nothing unprotected is left", Model.PROTECTION, "0")
    high = _limit("memory.high", "4.5", "above it processes are slowed down and reclaim; never kills")
    max = _limit("memory.max", "4.5", "hard limit: what can not be reclaimed ends in the OOM killer")
    reclaim = Reclaim("memory.reclaim", Model.CONTROL, "5.19", "reclaim this much now", access="w", place=Place.ANY)
    oom_group = Flag(
        "memory.oom.group", Model.CONTROL, "4.19", "the OOM killer ends all processes together", default="0"
    )
    events = Flat("memory.events", Model.EVENTS, "4.5", "times that limits were hit, in the subtree", access="r")
    events_local = Flat(
        "memory.events.local", Model.EVENTS, "5.2", "times that limits of this cgroup were hit", access="r"
    )
    stat = Flat("memory.stat", Model.STATE, "4.5", "what the memory is used for", access="r", place=Place.ANY)
    numa_stat = Nested(
        "memory.numa_stat", Model.STATE, "5.10", "what memory is used for, by node", access="r", place=Place.ANY
    )
    swap_current = _state("memory.swap.current", "4.5", "swap in use")
    swap_peak = _state("memory.swap.peak", "6.5", "most swap ever in use")
    swap_high = _limit("memory.swap.high", "5.8", "above it processes are slowed down")
    swap_max = _limit("memory.swap.max", "4.5", "hard limit of swap")
    swap_events = Flat("memory.swap.events", Model.EVENTS, "4.18", "times that limits of swap were hit", access="r")
    zswap_current = _state("memory.zswap.current", "5.19", "memory used for compressed swap")
    zswap_max = _limit("memory.zswap.max", "5.19", "hard limit of compressed swap; 0 turns it off")
    zswap_writeback = Flag(
        "memory.zswap.writeback", Model.CONTROL, "6.8", "compressed swap may go to disk", default="1", place=Place.ANY
    )

    def measure_peak(self, *, swap: bool = False) -> PeakMeter:
        """The most memory, or swap, in use from now on (Linux 6.12). Raises CgroupFileError where it can not be had."""
        return PeakMeter(self, self.file(Memory.swap_peak if swap else Memory.peak))


class PeakMeter:
    """The most in use since the meter was made; other meters and the file itself are not disturbed."""

    def __init__(self, memory: Memory, name: str) -> None:
        self._path = f"{memory.group.path}/{name}"
        # Root can open for writing what has no mode for it, and would hear of EINVAL.
        if memory.group.has(name) and not os.stat(name, dir_fd=memory.group.fileno()).st_mode & 0o222:
            hint = "Linux 6.12 and later can"
            raise CgroupFileError(f"reset {self._path}: this kernel can not", verb="reset", file=self._path, hint=hint)
        self._fd = memory.group.open(name, os.O_RDWR)
        try:
            os.write(self._fd, b"reset")
        except OSError as error:
            from firkin.cgroupfs.failure import failed

            os.close(self._fd)
            raise failed("reset", self._path, error) from error

    def read(self) -> int:
        """Bytes."""
        return int(os.pread(self._fd, 64, 0))

    def close(self) -> None:
        """Release the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> PeakMeter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

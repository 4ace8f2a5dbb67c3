"""Pressure triggers: being told when tasks wait for a resource for longer than a part of the time.

Source: Documentation/accounting/psi.rst, "Monitoring for pressure thresholds"; kernel/sched/psi.c.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from firkin.cgroupfs.failure import failed
from firkin.cgroupfs.handle import Handle
from firkin.cgroupfs.units import parse_time
from firkin.errors import CgroupError, CgroupValueError

__all__ = ["Trigger"]

_RESOURCES = ("cpu", "memory", "io", "irq")
_KINDS = ("some", "full")
_LONGEST_WINDOW = 10_000_000
_USUAL_SHORTEST_WINDOW = 500_000
_UNPRIVILEGED_WINDOW = 2_000_000
_CAP_SYS_RESOURCE = 24


@dataclass(frozen=True, slots=True)
class Trigger:
    """Tell when `some` task, or all of them at once (`full`), wait for `resource` longer than `stall` within `window`.

    Parameters: `resource` is cpu, memory, io or irq, which knows `full` only; `stall` and `window` are microseconds,
    the former at most the latter, that at most 10 seconds. The kernel tells at most once in a window.
    Raises CgroupValueError.
    """

    resource: str
    kind: str
    stall: int
    window: int

    def __post_init__(self) -> None:
        for reason, is_wrong in (
            (f"the resource is one of {', '.join(_RESOURCES)}", self.resource not in _RESOURCES),
            (f"the kind is one of {', '.join(_KINDS)}", self.kind not in _KINDS),
            ("irq has no kind but full", self.resource == "irq" and self.kind == "some"),
            ("the stall must be longer than 0", self.stall <= 0),
            ("the stall can not be longer than the window", self.stall > self.window),
            ("the window can not be longer than 10s", self.window > _LONGEST_WINDOW),
        ):
            if is_wrong:
                raise CgroupValueError(f"trigger {self}: {reason}", verb="watch", value=str(self))

    def __str__(self) -> str:
        return f"{self.resource} {self.kind} {self.stall}us {self.window}us"

    @classmethod
    def parse(cls, text: str) -> Trigger:
        """A trigger from text such as `memory some 150ms 1s`. Raises CgroupValueError."""
        words = text.split()
        try:
            resource, kind, stall, window = words
            return cls(resource, kind, parse_time(stall), parse_time(window))
        except ValueError as error:
            reason = str(error) if len(words) == 4 else "is not RESOURCE some|full STALL WINDOW"
            hint = "memory some 150ms 1s is one"
            raise CgroupValueError(f"trigger {text!r}: {reason}", verb="watch", value=text, hint=hint) from None

    @property
    def file(self) -> str:
        """The interface file that it is written to."""
        return f"{self.resource}.pressure"

    def arm(self, group: Handle) -> int:
        """Set the trigger on a cgroup: a descriptor to poll for POLLPRI, POLLERR once the file is gone. Close it.

        Raises CgroupValueError for a window that this kernel does not give the caller, CgroupFileError where pressure
        is not measured, CgroupPermissionError, CgroupGoneError.
        """
        fd = group.open(self.file, os.O_RDWR | os.O_NONBLOCK)
        value = f"{self.kind} {self.stall} {self.window}"
        try:
            os.write(fd, value.encode() + b"\0")
        except OSError as error:
            os.close(fd)
            raise self._refused(f"{group.path}/{self.file}", value, error) from error
        return fd

    def _refused(self, path: str, value: str, error: OSError) -> CgroupError:
        failure = failed("write", path, error, value)
        if error.errno == errno.EINVAL:
            failure.hint = self._why_invalid()
        elif error.errno == errno.EOPNOTSUPP:
            failure.hint = "pressure is not measured: boot with psi=1"
        return failure

    def _why_invalid(self) -> str:
        if self.window % _UNPRIVILEGED_WINDOW and not _may_choose_window():
            return "without CAP_SYS_RESOURCE the window must be a multiple of 2s"
        if self.window < _USUAL_SHORTEST_WINDOW:
            return "to this kernel the window must be 500ms or longer"
        return ""


def _may_choose_window() -> bool:
    with open("/proc/self/status") as file:
        capabilities = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(capabilities, 16) >> _CAP_SYS_RESOURCE & 1)

"""The one cgroup in which stages stand: taken by one run at a time, and removed with all that is in it.

A run that is killed leaves its groups; its loads die with it, and the next run, or the end of one, removes them. Whose
the place is, is told by a lock on its directory, which the kernel drops with the process.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from firkin.cgroupfs import Cgroup
from firkin.errors import CgroupGoneError
from firkin.workbench.signals import held_back
from firkin.workbench.stage import Stage

__all__ = ["PLACE", "opened_stage", "sweep", "swept"]

PLACE = "firkin-bench"


@contextmanager
def opened_stage(controllers: Sequence[str]) -> Iterator[Stage]:
    """A stage for one experiment; it waits while another run has one, as two would disturb each other.

    Raises ControllerError where the machine has not what it needs, CgroupError.
    """
    place = _Place()
    try:
        cgroup = place.take(controllers)
        cgroup.enable(controllers)
        with cgroup.make_child("run") as top:
            stage = Stage(cgroup, top, controllers)
            try:
                yield stage
            finally:
                with held_back():
                    stage.close()
    finally:
        with held_back():
            place.leave()


def sweep() -> None:
    """Remove what killed runs left. What a run is about to use stays. Raises CgroupError."""
    try:
        cgroup = Cgroup(PLACE)
    except CgroupGoneError:
        return
    with cgroup:
        _remove_unless_used(cgroup)


@contextmanager
def swept() -> Iterator[None]:
    """At the end, however it comes, nothing is left of what was begun here, nor of killed runs: see `sweep`."""
    try:
        yield
    finally:
        with held_back():
            # Where a signal came when a stage was about to be closed, it is not, and has the lock.
            for place in list(_begun):
                place.leave()
            sweep()


class _Place:
    # It may be left at any moment, also in the middle of taking it.

    def __init__(self) -> None:
        self._cgroup: Cgroup | None = None
        _begun.append(self)

    def take(self, controllers: Sequence[str]) -> Cgroup:
        while True:
            sweep()
            self._cgroup = cgroup = Cgroup.make(PLACE, controllers)
            fcntl.flock(cgroup.fileno(), fcntl.LOCK_EX)
            if _is_there(cgroup) and not any(True for _ in cgroup.children()):
                return cgroup
            # Who had it has removed it, or was killed.
            with held_back():
                self._cgroup = None
                cgroup.close()

    def leave(self) -> None:
        _begun.remove(self)
        if self._cgroup is not None:
            with self._cgroup:
                _remove_unless_used(self._cgroup)


# The places that this process has not left.
_begun: list[_Place] = []


def _remove_unless_used(cgroup: Cgroup) -> None:
    try:
        fcntl.flock(cgroup.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if _is_there(cgroup):
        Cgroup.destroy(cgroup.path)


def _is_there(cgroup: Cgroup) -> bool:
    # Not another one of the same name.
    try:
        return os.path.samestat(os.stat(cgroup.path), os.fstat(cgroup.fileno()))
    except FileNotFoundError:
        return False

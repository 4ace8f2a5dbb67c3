"""Processes that load a cgroup: one that only spins, and one that does in the cgroup what a test tells it."""

from __future__ import annotations

import faulthandler
import functools
import json
import mmap
import os
import time
from typing import TYPE_CHECKING, Self

from firkin.cgroupfs.spawn import Spawned
from tests.support.waiting import SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.cgroupfs import Cgroup

__all__ = ["Worker", "await_use", "processor_share", "processor_time", "ratio", "settled", "spin", "used_while"]


def spin(group: Cgroup) -> Spawned:
    """A process in the cgroup that uses all the processor time it gets."""
    return group.spawn(["/bin/busybox", "sh", "-c", "while :; do :; done"])


def used_while(seconds: float, group: Cgroup) -> int:
    """Microseconds of processor time that the cgroup uses while `seconds` pass."""
    before = group.cpu.stat["usage_usec"]
    # What is measured is time: nothing to wait for but its passing.
    time.sleep(seconds)
    return group.cpu.stat["usage_usec"] - before


def await_use(group: Cgroup) -> None:
    """Wait until the cgroup uses processor time."""
    before = processor_time(group)
    eventually(lambda: processor_time(group), lambda used: used > before)


def settled(share: Callable[[list[float]], float], low: float, high: float, *counters: Callable[[], float]) -> float:
    """What `share` makes of how much the counters grew, once that is between `low` and `high`.

    The first look is after half a second. A machine that has no time for its guest hands it out in large pieces, so
    that shares are true in the long run only: the last look is after `SECONDS`.
    """
    before = [counter() for counter in counters]
    begin = time.monotonic()
    while True:
        # What is measured is a share of time: nothing to wait for but its passing.
        time.sleep(0.5)
        found = share([counter() - was for counter, was in zip(counters, before, strict=True)])
        if low < found < high or time.monotonic() - begin > SECONDS:
            return found


def ratio(low: float, high: float, one: Callable[[], float], other: Callable[[], float]) -> float:
    """How many times as much as `one` the `other` grows; `low` and `high` are those of `settled`."""
    return settled(lambda grown: grown[1] / max(grown[0], 1), low, high, one, other)


def processor_share(group: Cgroup, low: float, high: float) -> float:
    """The share of one processor that the cgroup gets; `low` and `high` are those of `settled`."""
    usage = functools.partial(processor_time, group)
    return settled(lambda grown: grown[0] / 1e6 / grown[1], low, high, usage, time.monotonic)


def processor_time(group: Cgroup) -> int:
    """Microseconds of processor time that the cgroup has used."""
    return group.cpu.stat["usage_usec"]


class Worker:
    """A fork of this process in the cgroup; as a context manager it is killed at the end.

    A fork, as an interpreter takes its time to start where a machine is emulated.
    """

    def __init__(self, group: Cgroup) -> None:
        task, self._tasks = os.pipe()
        answers, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                group.move(0)
                _serve(task, answer)
            finally:
                os._exit(1)
        os.close(task)
        os.close(answer)
        self.process = Spawned(pid, os.pidfd_open(pid))
        self._answers = os.fdopen(answers)

    def __enter__(self) -> Self:
        self("None")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.__exit__()
        os.close(self._tasks)
        self._answers.close()

    def __call__(self, code: str) -> object:
        """What the expression `code` is in the process; None for statements.

        Raises OSError with the errno of one that is raised there, EOFError if the process ends instead.
        """
        os.write(self._tasks, json.dumps(code).encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise EOFError("the process ended")
        value, number = json.loads(line)
        if number:
            raise OSError(number, os.strerror(number))
        return value

    def take(self, mebibytes: int) -> None:
        """Have the process hold so much more memory."""
        self(f"held.append(b'x' * ({mebibytes} << 20))")


def _serve(task: int, answer: int) -> None:
    faulthandler.disable()  # a signal that ends the process is what a test waits for
    names: dict[str, object] = {"held": [], "mmap": mmap, "os": os, "time": time}
    for line in os.fdopen(task):
        code = json.loads(line)
        reply: list[object] = [None, 0]
        try:
            if _is_expression(code):
                reply[0] = eval(code, names)
            else:
                exec(code, names)
        except OSError as error:
            reply[1] = error.errno
        os.write(answer, json.dumps(reply).encode() + b"\n")


def _is_expression(code: str) -> bool:
    try:
        compile(code, "task", "eval")
    except SyntaxError:
        return False
    return True

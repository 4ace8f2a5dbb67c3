"""Being killed at every step: a child does something, and is killed by itself at its n-th change of anything."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

__all__ = ["killed", "killed_everywhere"]

_T = TypeVar("_T")
_MODULES = (
    ("os", "", "rename"),
    ("os", "", "unlink"),
    ("firkin.cri.network.netlink.connection", "Connection", "_send"),
    ("firkin.cri.network.cni.network", "", "run_plugin"),
)


def killed_everywhere(prepare: Callable[[], _T], act: Callable[[_T], object]) -> Iterator[str]:
    """Do `act`, with what `prepare` gives, in a child that is killed, once for each place, which is yielded.

    The last child lives to the end. Places are before and after each request of netlink, each call of a plug-in, and
    each name that a file gets or loses.
    """
    for last in itertools.count(1):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(prepare, act, last, writing)
        os.close(writing)
        with os.fdopen(reading) as places:
            place = places.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            assert last > 1, "there is no place to be killed at"
            return
        assert status == -signal.SIGKILL, f"the child fails with status {status}"
        yield place


def killed(act: Callable[[], object]) -> None:
    """Do `act`, which leads to SIGKILL, in a child."""
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def _child(prepare: Callable[[], _T], act: Callable[[_T], object], last: int, report: int) -> None:
    numbers = itertools.count(1)

    def pass_by(place: str) -> None:
        if next(numbers) == last:
            os.write(report, place.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            pass_by(f"before {name}")
            result = function(*arguments, **options)
            pass_by(f"after {name}")
            return result

        return call

    try:
        prepared = prepare()
        for module, cls, name in _MODULES:
            owner: Any = importlib.import_module(module)
            owner = getattr(owner, cls) if cls else owner
            setattr(owner, name, watched(name, getattr(owner, name)))
        act(prepared)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

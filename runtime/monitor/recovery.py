"""What became of a container while nobody looked: for a server that starts again, or whose monitor was killed.

A monitor can be killed only by root, or for lack of memory. Its container goes on then without anybody who reads what
it writes, until whoever notices calls `settle`.
"""

from __future__ import annotations

import os
import time

from firkin.errors import CgroupGoneError, NotFoundError, StateError
from firkin.runtime.monitor.client import Client
from firkin.runtime.monitor.record import Status, read_end, write_end
from firkin.runtime.store import Container

__all__ = ["ABANDONED", "ATTENDED", "ENDED", "look", "settle"]

ATTENDED, ENDED, ABANDONED = "attended", "ended", "abandoned"

_UNKNOWN_CODE = 255


def look(directory: int) -> str:
    """What a container's directory says of it.

    ATTENDED: its monitor lives, and a `Client` gets answers as soon as the plan is done; a plan that fails ends the
    connection. ENDED: the record of its end is there. ABANDONED: neither; its monitor never was, or was killed, or its
    start failed.
    """
    try:
        Client(directory).close()
    except StateError:
        # In this order: the record is there before the monitor goes.
        return ENDED if read_end(directory) else ABANDONED
    return ATTENDED


def settle(directory: int, root: str, id: str) -> Status:
    """End an abandoned container: kill its processes and write the record of its end, with the code 255.

    Parameters: `root` is the state root of the container's record, which stays, for `delete`.
    Raises StateError if its monitor lives, CgroupError if the processes do not end. May be repeated.
    """
    if look(directory) == ATTENDED:
        raise StateError(f'container "{id}" has a monitor')
    end = read_end(directory)
    if end is None:
        end = _kill(root, id)
        write_end(directory, end)
    return end


def _kill(root: str, id: str) -> Status:
    try:
        with Container(root, id) as container:
            container.lock()
            _kill_processes(container)
            return _status(container)
    except NotFoundError:
        return Status(pid=0, start_time=0, started_ns=0, exited_ns=time.time_ns(), code=_UNKNOWN_CODE, abandoned=1)


def _kill_processes(container: Container) -> None:
    from firkin.cgroupfs.tree import Cgroup
    from firkin.runtime.delete import stop

    stop(container)
    if not container.cgroup:
        return
    try:
        with Cgroup(container.cgroup) as cgroup:
            cgroup.kill()
            cgroup.wait_empty()
    except CgroupGoneError:
        return


def _status(container: Container) -> Status:
    started = container.state.get("startTime")
    ticks = started if isinstance(started, int) else 0
    return Status(
        pid=container.pid,
        start_time=ticks,
        started_ns=_since_epoch(ticks) if ticks else 0,
        exited_ns=time.time_ns(),
        code=_UNKNOWN_CODE,
        abandoned=1,
    )


def _since_epoch(ticks: int) -> int:
    # Start times count from the boot, suspension included.
    boot = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return boot + ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

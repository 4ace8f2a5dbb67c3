"""The block device that experiments read and overwrite: the one that the user named, else a loop device of our own."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from firkin.cgroupfs import Cgroup
from firkin.cgroupfs.models.io import CostModel
from firkin.errors import KernelError, UsageError
from firkin.workbench.loop_device import opened_loop, why_no_loop
from firkin.workbench.undone import undone

__all__ = ["Disk", "charged", "check_named", "opened_disk", "own_settings", "scheduled", "why_no_disk"]

_SIZE = 256 << 20
_LATENCY = 25_000  # microseconds: half a period, for some requests of slow models in each


@dataclass(frozen=True)
class Disk:
    """An open block device: its `path`, and its MAJOR:MINOR, by which interface files name it."""

    path: str
    number: str

    @property
    def queue(self) -> str:
        """Its directory in sysfs with the settings of its queue."""
        return f"/sys/dev/block/{self.number}/queue"


def check_named(path: str) -> None:
    """Raises UsageError if the device at `path` may not be overwritten: it is none, a partition, or in use."""
    what = f"bench models: --device {path}"
    try:
        status = os.stat(path)
        if not stat.S_ISBLK(status.st_mode):
            raise UsageError(f"{what}: it is no block device")
        if os.path.exists(f"/sys/dev/block/{_number(status.st_rdev)}/partition"):
            raise UsageError(f"{what}: it is a partition", hint="limits are on whole disks")
        os.close(_exclusively(path))
    except OSError as error:
        reason = "it is in use" if error.errno == errno.EBUSY else error.strerror
        raise UsageError(f"{what}: {reason}") from None


def _exclusively(path: str) -> int:
    # O_EXCL: not while it, or a part of it, is mounted or belongs to something else (open(2)).
    return os.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)


def why_no_disk(named: str) -> str:
    """Why there is no device to overwrite, in words that go on after "it"; "" if there is one."""
    return "" if named or not (reason := why_no_loop()) else f"needs a block device: --device, or {reason}"


@contextmanager
def opened_disk(named: str) -> Iterator[Disk]:
    """The device `named`, held so that nobody mounts it meanwhile, or a loop device where that is empty.

    What is on it is lost. Raises KernelError.
    """
    if not named:
        with opened_loop(_SIZE) as path:
            yield Disk(path, _number(os.stat(path).st_rdev))
        return
    try:
        held = _exclusively(named)
    except OSError as error:
        raise KernelError(f"open {named}", error.errno or 0) from error
    try:
        yield Disk(named, _number(os.fstat(held).st_rdev))
    finally:
        os.close(held)


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


@contextmanager
def charged(disk: Disk, model: CostModel) -> Iterator[None]:
    """Requests to the disk are charged by `model`, and no latency takes anything away from what it can do.

    Afterwards it is as it was. Raises CgroupError, such as where the kernel has no iocost, and KernelError.
    """
    costs = {f"{way}{name}": round(value) for way in "rw" for name, value in _values(model)}
    # A latency that no part of the requests must keep: it says how long the periods are (ioc_refresh_period_us).
    quality = {"rpct": 0, "rlat": _LATENCY, "wpct": 0, "wlat": _LATENCY, "min": 100, "max": 100}
    with ExitStack() as stack:
        root = stack.enter_context(Cgroup("."))
        for file, otherwise in (("io.cost.model", "ctrl=auto"), ("io.cost.qos", "enable=0 ctrl=auto")):
            before = (line for line in root.read(file).splitlines() if line.startswith(f"{disk.number} "))
            line = own_settings(next(before, f"{disk.number} {otherwise}"))
            stack.enter_context(undone(f"{root.path}/{file}", line))
        root.io.cost_model = {disk.number: {"ctrl": "user", "model": "linear", **costs}}
        root.io.cost_qos = {disk.number: {"enable": 1, "ctrl": "user", **quality}}
        yield


def own_settings(line: str) -> str:
    """What of a line of io.cost.qos or io.cost.model somebody has set, for it to be written again.

    What the kernel chose by itself would be the user's if it were written (ioc_qos_write, ioc_cost_model_write).
    """
    words = line.split()
    if "ctrl=auto" in words:
        words = [words[0], *(word for word in words[1:] if word.startswith(("enable=", "ctrl=")))]
    return " ".join(words)


def _values(model: CostModel) -> tuple[tuple[str, float], ...]:
    return ("bps", model.bytes), ("seqiops", model.sequential), ("randiops", model.random)


@contextmanager
def scheduled(disk: Disk, scheduler: str) -> Iterator[None]:
    """The disk's requests are in the hands of `scheduler`, afterwards in those of the former. Raises KernelError."""
    path = f"{disk.queue}/scheduler"
    with open(path) as file:
        before = file.read().partition("[")[2].partition("]")[0]
    with undone(path, before):
        try:
            with open(path, "w") as file:
                file.write(scheduler)
        except OSError as error:
            raise KernelError(f"write {scheduler} to {path}", error.errno or 0) from error
        yield

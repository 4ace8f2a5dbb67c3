"""Loop devices of our own over scratch files that have no name: nothing of them outlives who uses them.

The kernel detaches such a device (autoclear) and frees the file when the last descriptor is closed, also that of a
killed process; the unattached device that is left then is removed by the next run. loop(4),
include/uapi/linux/loop.h; LOOP_CONFIGURE is of Linux 5.8.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from firkin.errors import KernelError

__all__ = ["opened_loop", "why_no_loop"]

CONTROL = "/dev/loop-control"
FIRST = 1000
"""The number of the first device that may be ours: what others take is counted from 0."""

_LOOP_CONFIGURE, _LOOP_CLR_FD = 0x4C0A, 0x4C01
_LOOP_CTL_ADD, _LOOP_CTL_REMOVE = 0x4C80, 0x4C81
_AUTOCLEAR, _DIRECT_IO = 4, 16
# struct loop_config: fd, block_size, struct loop_info64 with its flags, reserved.
_CONFIG = struct.Struct("=II 52x I 176x 64x")


def why_no_loop() -> str:
    """Why there can be no loop device here, or ""."""
    try:
        os.close(os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{CONTROL}: {error.strerror} (modprobe loop)"
    return ""


@contextmanager
def opened_loop(size: int, *, directory: str = "/var/tmp") -> Iterator[str]:
    """The path of a loop device of `size` bytes over a sparse file in a directory for temporary files.

    Raises KernelError naming the step that failed.
    """
    with tempfile.TemporaryFile(dir=directory) as file:
        file.truncate(size)
        with _locked_control() as control:
            _remove_left(control)
            number = _add(control)
            try:
                device = _attach(number, file.fileno())
            except KernelError:
                _remove(control, number)
                raise
        try:
            yield f"/dev/loop{number}"
        finally:
            fcntl.ioctl(device, _LOOP_CLR_FD, 0)
            os.close(device)
            with _locked_control() as control:
                _remove(control, number)


@contextmanager
def _locked_control() -> Iterator[int]:
    # Another run must not take one that is not attached yet for one that was left.
    try:
        control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise _failed("open", CONTROL, error) from error
    try:
        fcntl.flock(control, fcntl.LOCK_EX)
        yield control
    finally:
        os.close(control)


def _remove_left(control: int) -> None:
    for name in os.listdir("/sys/block"):
        number = name.removeprefix("loop")
        if number != name and int(number) >= FIRST and not os.path.exists(f"/sys/block/{name}/loop"):
            _remove(control, int(number))


def _remove(control: int, number: int) -> None:
    try:
        fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)
    except OSError as error:
        # Such as udev may look at it just now: then the next run removes it.
        if error.errno not in (errno.EBUSY, errno.ENODEV):
            raise _failed("remove", f"/dev/loop{number}", error) from error


def _add(control: int) -> int:
    number = FIRST
    while True:
        try:
            return fcntl.ioctl(control, _LOOP_CTL_ADD, number)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise _failed("add", f"/dev/loop{number}", error) from error
        number += 1


def _attach(number: int, file: int) -> int:
    path = f"/dev/loop{number}"
    try:
        device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise _failed("open", path, error) from error
    try:
        flags = _AUTOCLEAR | (_DIRECT_IO if _can_direct_io(file) else 0)
        fcntl.ioctl(device, _LOOP_CONFIGURE, _CONFIG.pack(file, 0, flags))
    except OSError as error:
        os.close(device)
        raise _failed("attach a file to", path, error) from error
    return device


def _can_direct_io(file: int) -> bool:
    # Of an overlay over tmpfs the kernel learns it only when it reads.
    try:
        direct = os.open(f"/proc/self/fd/{file}", os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        with mmap.mmap(-1, mmap.PAGESIZE) as page:
            return os.preadv(direct, [page], 0) > 0
    except OSError:
        return False
    finally:
        os.close(direct)


def _failed(verb: str, path: str, error: OSError) -> KernelError:
    return KernelError(f"{verb} {path}", error.errno or 0)

"""The record of a container's end, and the status that a monitor tells: the same facts, on disk and on the wire.

The monitor writes the record by rename, as lines "name value", into the container's directory; a container that has
none has not ended, or its monitor was killed.
"""

from __future__ import annotations

import os

from firkin.errors import FirkinError
from firkin.runtime._monitor import ffi, lib

__all__ = ["Status", "read_end", "write_end"]

_FILE = ffi.string(lib.MONITOR_EXIT).decode()
_FIELDS = (
    "pid",
    "start_time",
    "started_ns",
    "exited_ns",
    "code",
    "signal",
    "oom_kills",
    "lost_records",
    "lost_bytes",
    "abandoned",
)
_LARGEST = 4096


class Status:
    """What is known of a container's process.

    `pid` and `start_time` (clock ticks since boot) name it; `started_ns` and `exited_ns` are nanoseconds since the
    epoch, the second 0 while it runs. `code` is its exit status, `signal` what ended it, or 0. `oom_kills` counts the
    processes of its cgroup that were killed for lack of memory, -1 where that is not known. `lost_records` and
    `lost_bytes` could not be written to the log, `log_error` is the errno why that is so now, or 0. `abandoned` says
    that the monitor was killed, and how the container ended is not known. `monitor` is the monitor's process id, 0
    where it is gone.
    """

    __slots__ = (*_FIELDS, "log_error", "monitor")

    def __init__(
        self,
        *,
        pid: int,
        start_time: int,
        started_ns: int,
        exited_ns: int = 0,
        code: int = 0,
        signal: int = 0,
        oom_kills: int = -1,
        lost_records: int = 0,
        lost_bytes: int = 0,
        abandoned: int = 0,
        log_error: int = 0,
        monitor: int = 0,
    ) -> None:
        self.pid = pid
        self.start_time = start_time
        self.started_ns = started_ns
        self.exited_ns = exited_ns
        self.code = code
        self.signal = signal
        self.oom_kills = oom_kills
        self.lost_records = lost_records
        self.lost_bytes = lost_bytes
        self.abandoned = abandoned
        self.log_error = log_error
        self.monitor = monitor

    @property
    def exit_code(self) -> int:
        """The exit status as a shell has it: 128 + the signal that ended the process."""
        return 128 + self.signal if self.signal else self.code

    def __repr__(self) -> str:
        return f"Status({', '.join(f'{name}={getattr(self, name)}' for name in self.__slots__)})"


def read_end(directory: int) -> Status | None:
    """The record of the end in a container's directory, None while there is none. Raises FirkinError for a bad one."""
    try:
        fd = os.open(_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        text = file.read(_LARGEST)
    return _parse(text)


def _parse(text: bytes) -> Status:
    try:
        pairs = [line.split(b" ") for line in text.splitlines()]
        fields = {name.decode(): int(value) for name, value in pairs}
        # What a later version adds is none of ours.
        return Status(**{name: value for name, value in fields.items() if name in _FIELDS})
    except (ValueError, TypeError) as error:
        raise FirkinError(f"the record of a container's end is malformed: {error}: {text!r}") from None


def write_end(directory: int, status: Status) -> None:
    """Write the record of the end for a monitor that could not. Raises OSError."""
    temporary = f".{_FILE}"
    lines = [f"{name} {value}\n" for name in _FIELDS if (value := getattr(status, name)) >= 0]
    fd = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory
    )
    with open(fd, "wb") as file:
        file.write("".join(lines).encode())
    os.rename(temporary, _FILE, src_dir_fd=directory, dst_dir_fd=directory)

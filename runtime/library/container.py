"""A container as an object, from its start to its deletion."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Sequence
from typing import NamedTuple, Self, Unpack

from firkin.cgroupfs.accounting import GroupStats, Reader
from firkin.cgroupfs.tree import Cgroup
from firkin.errors import NotFoundError, StateError
from firkin.runtime.cli.commands import default_root
from firkin.runtime.delete import delete
from firkin.runtime.library.making import make
from firkin.runtime.library.options import Options
from firkin.runtime.library.streams import Streams, Target
from firkin.runtime.spawn import wait
from firkin.runtime.store import Container as Record
from firkin.runtime.store import check_id

__all__ = ["Container", "Output"]


class Output(NamedTuple):
    """What a program wrote to pipes."""

    stdout: bytes
    stderr: bytes


class Container:
    """A container whose program runs; a context manager, which deletes it at the end.

    Parameters: `args` are the program and its arguments, empty for an image's own; `stdin`, `stdout` and `stderr` as
    those of `subprocess.Popen`: None for the caller's, PIPE, DEVNULL, a descriptor or a file; the rest are `Options`.
    `pid` is that of its first process, `pidfd` a descriptor that is readable when that has ended, `id` its name for the
    command. Several threads may use it at the same time.

    Raises UsageError for what can't be, ImageError and RegistryError, ConfigError and UnsupportedError, ExecutableError
    if the program can't be executed, KernelError, CgroupError; then nothing of it is left.
    """

    def __init__(
        self, args: Sequence[str] = (), *, stdin: Target = None, stdout: Target = None, stderr: Target = None,
        **options: Unpack[Options],
    ) -> None:  # fmt: skip
        self.args = list(args)
        self.id = options.get("name") or os.urandom(6).hex()
        check_id(self.id)
        self.returncode: int | None = None
        self._root = os.path.abspath(options.get("state_root") or default_root())
        self._reaping = threading.Lock()
        self._is_deleted = False
        self._streams = Streams(stdin, stdout, stderr)
        try:
            outcome, told = make(self.id, self.args, options, self._streams.inside, self._root)
        except BaseException:
            self._streams.close()
            raise
        self._streams.release()
        self.pid, self.pidfd = outcome.pid, outcome.pidfd
        for warning in told:
            warnings.warn(warning, RuntimeWarning, stacklevel=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.delete()

    def fileno(self) -> int:
        """The pidfd, so that event loops can wait for the end."""
        return self.pidfd

    @property
    def stdin(self) -> int:
        """Our end of the program's standard input, -1 if that is no pipe. `communicate` closes it."""
        return self._streams.outside[0]

    @property
    def stdout(self) -> int:
        """Our end of its standard output."""
        return self._streams.outside[1]

    @property
    def stderr(self) -> int:
        """Our end of its standard error."""
        return self._streams.outside[2]

    def poll(self) -> int | None:
        """The program's exit code, minus the number of the signal that ended it; None while it runs."""
        poller = select.poll()
        with self._reaping:
            if self.returncode is None:
                poller.register(self.pidfd, select.POLLIN)
                if poller.poll(0):
                    status = wait(self.pidfd)
                    self.returncode = status if status < 256 else 256 - status
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the program's end; its exit code as `poll` has it.

        Parameters: `timeout` in seconds. Raises subprocess.TimeoutExpired.
        """
        if self.returncode is None:
            poller = select.poll()
            poller.register(self.pidfd, select.POLLIN)
            if not poller.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, input: bytes = b"", timeout: float | None = None) -> Output:
        """Write `input` to the program, read all that it writes to pipes, and wait for its end.

        Raises subprocess.TimeoutExpired after `timeout` seconds, with what was read until then: the program runs on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        found = bytearray(), bytearray()
        if not self._streams.communicate(input, deadline, self.fileno, found):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0, bytes(found[0]), bytes(found[1]))
        self.poll()
        return Output(bytes(found[0]), bytes(found[1]))

    def send_signal(self, number: int) -> None:
        """Send a signal to the first process. Raises StateError when it has ended."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            raise StateError(f'container "{self.id}" is not running') from None

    def kill(self) -> None:
        """End all of its processes at once."""
        with self._cgroup() as cgroup:
            cgroup.kill()

    def pause(self) -> None:
        """Stop all of its processes until `resume`."""
        with self._cgroup() as cgroup:
            cgroup.freeze()

    def resume(self) -> None:
        """Let them go on."""
        with self._cgroup() as cgroup:
            cgroup.thaw()

    def stats(self) -> GroupStats:
        """What it has used: times, memory and its peak, processes, io, pressure; also after its end, until `delete`."""
        with self._cgroup() as cgroup, Reader(cgroup) as reader:
            return reader.sample().group(0)

    def _cgroup(self) -> Cgroup:
        with self._record() as record:
            return Cgroup(record.cgroup)

    def _record(self) -> Record:
        if self._is_deleted:
            raise NotFoundError(f'container "{self.id}" does not exist')
        return Record(self._root, self.id)

    def delete(self) -> None:
        """End it, and remove what it leaves; it may be deleted already. Raises CgroupError, KernelError."""
        if self._is_deleted:
            return
        delete(self._root, self.id, force=True, warn=lambda text: warnings.warn(text, RuntimeWarning, stacklevel=4))
        self.wait()
        self._is_deleted = True
        self._streams.close()
        os.close(self.pidfd)
        self.pidfd = -1

"""What is done while CRIU makes the processes: the terminal is handed on, hooks run, the record is completed."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import FirkinError, KernelError
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec import Config
from firkin.runtime.checkpoint.messages import Notification
from firkin.runtime.checkpoint.privileges import check_restored
from firkin.runtime.compile.process import check_terminal
from firkin.runtime.hooks import run_hooks
from firkin.runtime.status import CREATING
from firkin.runtime.store import Container, start_time

__all__ = ["Birth", "connect_console"]


def connect_console(path: str, config: Config, *, foreground: bool) -> socket.socket | None:
    """The socket that takes the terminal's master end, None where `path` is "".

    Raises ConfigError where there is a terminal and nobody to hold it, or the other way round; KernelError.
    """
    check_terminal(config.process, path, foreground=foreground)
    if not path:
        return None
    console = socket.socket(socket.AF_UNIX)
    try:
        console.connect(path)
    except OSError as error:
        console.close()
        raise KernelError(f"connect to --console-socket {path}", error.errno or 0) from error
    return console


class Birth:
    """Listens to the CRIU that restores `container`.

    Parameters: `console` takes the terminal; without one `terminal` is its master end, -1 for none. `pid_file` is the
    path of a file for the process id, or "". `privileges` are those of the checkpoint; `warning` is about what is lost
    of them.
    """

    def __init__(
        self,
        container: Container,
        config: Config,
        *,
        console: socket.socket | None,
        pid_file: str,
        privileges: Mapping[str, str],
    ) -> None:
        self._container = container
        self._config = config
        self._console = console
        self._pid_file = pid_file
        self._privileges = privileges
        self._pid = 0
        self.terminal = -1
        self.warning = ""

    def __call__(self, notification: Notification, descriptor: int) -> None:
        """Take a notification. Raises HookError, KernelError, FirkinError."""
        if notification.stage == "orphan-pts-master" and descriptor >= 0:
            self._take_terminal(descriptor)
        elif notification.stage == "setup-namespaces":
            self._run_hooks(notification.pid)
        elif notification.stage == "post-restore":
            self._complete_record(notification.pid)
        elif notification.stage == "pre-resume":
            self._check_privileges()

    def _take_terminal(self, descriptor: int) -> None:
        if self._console is None:
            self.terminal = os.dup(descriptor)
            return
        try:
            socket.send_fds(self._console, [b"/dev/ptmx"], [descriptor])
        except OSError as error:
            raise KernelError("send the terminal to --console-socket", error.errno or 0) from error

    def _run_hooks(self, pid: int) -> None:
        for point in ("prestart", "createRuntime"):
            for failure in run_hooks(self._container, self._config, point, CREATING, pid):
                raise failure

    def _check_privileges(self) -> None:
        # They have them only now, and run when this is answered, whatever the answer: CRIU asks nobody any more.
        try:
            self.warning = check_restored(self._privileges, self._pid)
        except FirkinError:
            with Cgroup(self._container.cgroup) as cgroup:
                cgroup.kill()
            raise

    def _complete_record(self, pid: int) -> None:
        self._pid = pid
        state = {**self._container.state, "pid": pid, "startTime": start_time(pid)}
        _write("state.json", dump(state), 0o600, self._container.fd)
        if self._pid_file:
            _write(os.path.abspath(self._pid_file), str(pid), 0o644, None)


def _write(path: str, text: str, mode: int, directory: int | None) -> None:
    # By rename, so that nobody reads half of it.
    head, tail = os.path.split(path)
    temporary = os.path.join(head, f".{tail}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode, dir_fd=directory)
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.rename(temporary, path, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError as error:
        raise KernelError(f"write {path}", error.errno or 0) from error

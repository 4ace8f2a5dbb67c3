"""A process that has imported all that `firkin cri` needs, and is forked for each server, which spares most of a start.

What runs is the command as it is, without the start of an interpreter. As a program it reads requests, a line of JSON
each, and answers each with a line.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

__all__ = ["Forked", "Template"]


class Forked:
    """A server that was forked; the methods are those of subprocess.Popen."""

    def __init__(self, template: Template, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._template = template

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it was not waited for."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Its exit status, or the negative number of the signal that ended it; it must end within `timeout` seconds."""
        if self.returncode is None:
            with open(os.pidfd_open(self.pid), "rb", buffering=0) as ended:
                assert select.select([ended], [], [], timeout)[0], f"{self.pid} does not end"
            self.returncode = int(self._template.ask(wait=self.pid))
        return self.returncode


class Template:
    """The process; a context manager. It is in the namespaces of the thread that enters it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", __file__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, text=True
        )
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, arguments: list[str], log: Path, cgroup: Path | None) -> Forked:
        """Run `firkin` with these arguments, in `cgroup` if it is one; what it says is added to the file `log`."""
        pid = self.ask(start=arguments, log=str(log), cgroup=str(cgroup or ""))
        return Forked(self, int(pid))

    def ask(self, **request: Any) -> str:
        """The answer to a request. Raises AssertionError if the process is gone."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that servers are forked from has ended"
        return answer


def _serve() -> None:
    # Without these an import would be made by each server.
    import firkin.cri.command
    import firkin.cri.daemon
    import firkin.cri.network.embedded.service  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        answer = _wait(request["wait"]) if "wait" in request else _start(request)
        print(answer, flush=True)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _start(request: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _become(request)
        from firkin.runtime.cli.main import main

        status = main(request["start"])
    finally:
        os._exit(status)


def _become(request: Mapping[str, Any]) -> None:
    if request["cgroup"]:
        Path(request["cgroup"], "cgroup.procs").write_text("0")
    null = os.open("/dev/null", os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, fd in enumerate((null, log, log)):
        os.dup2(fd, number)
    for fd in (null, log):
        os.close(fd)


if __name__ == "__main__":
    _serve()

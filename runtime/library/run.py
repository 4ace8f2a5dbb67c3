"""`firkin.run`: a program in a container of its own, from its start to what is left: output and figures."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from firkin.cgroupfs.accounting import GroupStats
from firkin.runtime.library.container import Container
from firkin.runtime.library.options import Options
from firkin.runtime.library.streams import Target

__all__ = ["Completed", "run"]


@dataclass(frozen=True)
class Completed:
    """A program that has ended.

    `returncode` is minus the number of the signal, if one ended it. `stdout` and `stderr` are what it wrote, text if
    that was asked for, None where nothing was captured. `stats` is what the container used.
    """

    args: list[str]
    returncode: int
    stdout: Any
    stderr: Any
    stats: GroupStats

    def check_returncode(self) -> None:
        """Raise subprocess.CalledProcessError unless `returncode` is 0."""
        if self.returncode:
            raise subprocess.CalledProcessError(self.returncode, self.args, self.stdout, self.stderr)


def run(
    args: Sequence[str] = (), *, input: bytes | str | None = None, capture_output: bool = False, text: bool = False,
    timeout: float | None = None, check: bool = False, stdin: Target = None, stdout: Target = None,
    stderr: Target = None, **options: Unpack[Options],
) -> Completed:  # fmt: skip
    """Run a program in a new container, and delete that when the program has ended.

    Parameters: as those of `subprocess.run`, and `Options`: `firkin.run(["make", "test"], image="debian:12",
    memory="1g", cpus=2, capture_output=True, timeout=600)`. `timeout` in seconds counts from the program's start.
    Raises subprocess.TimeoutExpired, after everything in the container was killed, with what was read until then;
    subprocess.CalledProcessError with `check` if the exit code is not 0; FirkinError as `Container` does.
    """
    if input is not None:
        stdin = subprocess.PIPE
    if capture_output:
        stdout, stderr = subprocess.PIPE, subprocess.PIPE
    given = input.encode() if isinstance(input, str) else input or b""
    with Container(args, stdin=stdin, stdout=stdout, stderr=stderr, **options) as container:
        captured = [container.stdout >= 0, container.stderr >= 0]
        output = container.communicate(given, timeout)
        stats, code = container.stats(), container.wait()
    found = [_shown(data, text=text) if is_there else None for data, is_there in zip(output, captured, strict=True)]
    done = Completed(container.args, code, found[0], found[1], stats)
    if check:
        done.check_returncode()
    return done


def _shown(data: bytes, *, text: bool) -> bytes | str:
    return data.decode() if text else data

"""Logs of several containers, line by line on one output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from firkin.errors import FirkinError
from firkin.kubelet.client.agent import Agent

__all__ = ["Source", "print_logs"]


class Source(NamedTuple):
    """A container: the path of its pod in the API, and the names of both."""

    path: str
    pod: str
    container: str


def print_logs(
    agent: Agent,
    sources: Sequence[Source],
    query: Sequence[tuple[str, str]],
    *,
    most: int | None,
    has_prefix: bool,
    skip: Callable[[str], None] | None,
) -> None:
    """Print the logs, one after the other, or with `most` at the same time.

    Parameters: `skip` is told of a log that can not be read, and the others go on. Raises FirkinError.
    """
    printer = _Printer(agent, query, has_prefix=has_prefix, skip=skip)
    if most is None or len(sources) == 1:
        for source in sources:
            printer.print(source)
        return
    if len(sources) > most:
        raise FirkinError(
            f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is {most}, "
            "use --max-log-requests to increase the limit"
        )
    with ThreadPoolExecutor(len(sources)) as pool:
        for result in [pool.submit(printer.print, source) for source in sources]:
            result.result()


class _Printer:
    def __init__(
        self,
        agent: Agent,
        query: Sequence[tuple[str, str]],
        *,
        has_prefix: bool,
        skip: Callable[[str], None] | None,
    ) -> None:
        self._agent = agent
        self._query = query
        self._has_prefix = has_prefix
        self._skip = skip
        self._lock = Lock()

    def print(self, source: Source) -> None:
        query = [*self._query, ("container", source.container)]
        prefix = f"[pod/{source.pod}/{source.container}] ".encode() if self._has_prefix else b""
        try:
            rest = b""
            for data in self._agent.read(f"{source.path}/log", query):
                # Lines of several logs are not mixed.
                whole, _, rest = (rest + data).rpartition(b"\n") if prefix else (rest + data, b"", b"")
                if whole:
                    self._write(whole + b"\n" if prefix else whole, prefix)
            if rest:
                self._write(rest, prefix)
        except FirkinError as error:
            if self._skip is None:
                raise
            self._skip(str(error))

    def _write(self, data: bytes, prefix: bytes) -> None:
        if prefix:
            data = b"".join(prefix + line for line in data.splitlines(keepends=True))
        with self._lock:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

"""Waits for an object to change, or to be gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from firkin.errors import DeadlineError
from firkin.kubelet.client.agent import Agent, AgentError

__all__ = ["states", "wait_until_gone"]


def wait_until_gone(agent: Agent, path: str, uid: str, seconds: float | None = None) -> None:
    """Wait until the object at `path` is not there, or is another one than that with this uid.

    Raises DeadlineError if it takes longer than `seconds`, AgentError.
    """
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        try:
            found = agent.get(path)
        except AgentError as error:
            if error.status == 404:
                return
            raise
        if found["metadata"]["uid"] != uid:
            return
        left = 3600.0 if end is None else end - time.monotonic()
        if left <= 0:
            raise DeadlineError(f"{path.rpartition('/')[2]}: timed out waiting for the deletion")
        # The watch ends when it has gone, or in time.
        for event in _events(agent, path, found["metadata"]["resourceVersion"], int(left) + 1):
            if event["type"] in ("DELETED", "ERROR"):
                break


def states(agent: Agent, path: str, seconds: float | None = None) -> Iterator[Any]:
    """The object at `path` as it is, and then each time that it has changed.

    Raises DeadlineError after so many seconds, AgentError, also when it is gone.
    """
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        value = agent.get(path)
        yield value
        version = value["metadata"]["resourceVersion"]
        left = 3600.0 if end is None else end - time.monotonic()
        if left <= 0:
            raise DeadlineError(f"{path.rpartition('/')[2]}: timed out waiting for the condition")
        for event in _events(agent, path, version, int(left) + 1):
            if event["type"] != "MODIFIED":
                break
            yield event["object"]


def _events(agent: Agent, path: str, version: str, seconds: int) -> Iterator[Any]:
    directory, _, name = path.rpartition("/")
    query = [
        ("watch", "true"),
        ("fieldSelector", f"metadata.name={name}"),
        ("resourceVersion", version),
        ("timeoutSeconds", str(seconds)),
    ]
    rest = b""
    for data in agent.read(directory, query):
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)

"""Waits for an object to be gone."""

from __future__ import annotations

import json
import time

from firkin.errors import DeadlineError
from firkin.kubelet.client.agent import Agent, AgentError

__all__ = ["wait_until_gone"]


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
        _watch(agent, path, found["metadata"]["resourceVersion"], int(left) + 1)


def _watch(agent: Agent, path: str, version: str, seconds: int) -> None:
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
        if any(json.loads(line)["type"] in ("DELETED", "ERROR") for line in lines):
            return

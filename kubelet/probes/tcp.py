"""Probes by TCP: a connection, which is closed again."""

from __future__ import annotations

import asyncio

from firkin.kubelet.probes.answer import Answer
from firkin.kubelet.probes.dial import DialError, dial, join_host_port
from firkin.kubelet.probes.step import Outcome

__all__ = ["probe_tcp"]


async def probe_tcp(host: str, port: int, seconds: int) -> Answer:
    """Connect, within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            (await dial(host, port)).close()
    except TimeoutError:
        return Answer(Outcome.FAILURE, f"dial tcp {join_host_port(host, port)}: i/o timeout")
    except DialError as error:
        return Answer(Outcome.FAILURE, str(error))
    return Answer(Outcome.SUCCESS)

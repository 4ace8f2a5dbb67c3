"""Probes by a program in the container: one call of the runtime, which costs one process."""

from __future__ import annotations

from typing import Protocol

from firkin.cri.api.container_pb2 import ExecSyncResponse
from firkin.errors import DeadlineError, FirkinError
from firkin.kubelet.probes.answer import Answer
from firkin.kubelet.probes.dial import go_seconds
from firkin.kubelet.probes.step import Outcome

__all__ = ["Execution", "probe_exec"]

_MOST_OUTPUT = 10 << 10


class Execution(Protocol):
    """What is wanted of the runtime (`firkin.kubelet.runtime.client.Runtime`)."""

    async def exec_sync(self, container_id: str, command: list[str], timeout: int = 0) -> ExecSyncResponse: ...


async def probe_exec(runtime: Execution, container_id: str, command: list[str], seconds: int) -> Answer:
    """Run `command`, which the runtime ends after `seconds`; the exit code 0 is success."""
    try:
        result = await runtime.exec_sync(container_id, command, seconds)
    except DeadlineError:
        text = f'command timed out: "{" ".join(command)}" timed out after {go_seconds(seconds)}'
        return Answer(Outcome.FAILURE, text)
    except FirkinError as error:
        return Answer(Outcome.UNKNOWN, str(error))
    if result.exit_code == 0:
        return Answer(Outcome.SUCCESS)
    output = (result.stdout + result.stderr)[:_MOST_OUTPUT]
    return Answer(Outcome.FAILURE, output.decode(errors="replace"))

"""Hooks of a container's life: after it was started, before it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from firkin.errors import FirkinError
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.probe import LifecycleHandler
from firkin.kubelet.pods.identity import pod_text
from firkin.kubelet.probes.check import http_request
from firkin.kubelet.probes.dial import DialError
from firkin.kubelet.probes.http import get
from firkin.kubelet.probes.response import ResponseError
from firkin.kubelet.runtime.client import Runtime

__all__ = ["HookFailedError", "Hooks"]


class HookFailedError(FirkinError):
    """A hook could not be run, or its program did not exit with 0."""


class Hooks:
    """Runs hooks, programs by `runtime`."""

    def __init__(self, runtime: Runtime, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._runtime = runtime
        self._sleep = sleep

    async def run(self, hook: LifecycleHandler, pod: Pod, container: Container, container_id: str, pod_ip: str) -> None:
        """Run a hook to its end, however long that is. Raises HookFailedError."""
        try:
            if hook.exec is not None:
                await self._execute(hook.exec.command, container_id)
            elif hook.http_get is not None:
                await get(http_request(hook.http_get, container, pod_ip))
            elif hook.sleep is not None:
                await self._sleep(hook.sleep.seconds)
            else:
                raise HookFailedError("Invalid handler: it is neither exec, httpGet nor sleep")
        except (FirkinError, DialError, ResponseError, ValueError) as error:
            where = f'for Container "{container.name}" in Pod "{pod_text(pod)}"'
            raise HookFailedError(f"{_kind(hook)} lifecycle hook {where} failed - error: {error}") from error

    async def _execute(self, command: list[str], container_id: str) -> None:
        answer = await self._runtime.exec_sync(container_id, command)
        if answer.exit_code != 0:
            said = (answer.stdout + answer.stderr).decode(errors="replace")
            raise HookFailedError(f'command {command} exited with {answer.exit_code}, message: "{said}"')


def _kind(hook: LifecycleHandler) -> str:
    if hook.exec is not None:
        return f"Exec ({hook.exec.command})"
    return f"Http ({hook.http_get.path})" if hook.http_get is not None else "Sleep"

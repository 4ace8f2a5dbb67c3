"""Hooks of a container's life: after it was started, before it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from firkin.errors import FirkinError
from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.probe import HTTPGetAction, LifecycleHandler
from firkin.kubelet.pods.identity import pod_text
from firkin.kubelet.runtime.client import Runtime

__all__ = ["HookFailedError", "Hooks", "HttpGet"]

HttpGet = Callable[[str, tuple[tuple[str, str], ...]], Awaitable[object]]
"""Gets a URL with header fields; whatever it is answered with is good. Raises an exception if there is no answer."""


class HookFailedError(FirkinError):
    """A hook could not be run, or its program did not exit with 0."""


class Hooks:
    """Runs hooks: programs by the runtime, requests with `get`."""

    def __init__(
        self, runtime: Runtime, get: HttpGet, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._runtime = runtime
        self._get = get
        self._sleep = sleep

    async def run(self, hook: LifecycleHandler, pod: Pod, container: Container, container_id: str, pod_ip: str) -> None:
        """Run a hook to its end, however long that is. Raises HookFailedError."""
        try:
            if hook.exec is not None:
                await self._execute(hook.exec.command, container_id)
            elif hook.http_get is not None:
                await self._ask(hook.http_get, container, pod_ip)
            elif hook.sleep is not None:
                await self._sleep(hook.sleep.seconds)
            else:
                raise HookFailedError("Invalid handler: it is neither exec, httpGet nor sleep")
        except (FirkinError, OSError, ValueError) as error:
            where = f'for Container "{container.name}" in Pod "{pod_text(pod)}"'
            raise HookFailedError(f"{_kind(hook)} lifecycle hook {where} failed - error: {error}") from error

    async def _execute(self, command: list[str], container_id: str) -> None:
        answer = await self._runtime.exec_sync(container_id, command)
        if answer.exit_code != 0:
            said = (answer.stdout + answer.stderr).decode(errors="replace")
            raise HookFailedError(f'command {command} exited with {answer.exit_code}, message: "{said}"')

    async def _ask(self, action: HTTPGetAction, container: Container, pod_ip: str) -> None:
        host = action.host or pod_ip
        host = f"[{host}]" if ":" in host else host
        url = f"{action.scheme.lower()}://{host}:{port_of(action.port, container)}/{action.path.lstrip('/')}"
        await self._get(url, tuple((one.name, one.value) for one in action.http_headers))


def port_of(port: int | str, container: Container) -> int:
    """A port by its number, or by the name that the container gives it. Raises HookFailedError."""
    if isinstance(port, int):
        return port
    if port.isdecimal():
        return int(port)
    for one in container.ports:
        if one.name == port:
            return one.container_port
    raise HookFailedError(f"couldn't find port: {port}")


def _kind(hook: LifecycleHandler) -> str:
    if hook.exec is not None:
        return f"Exec ({hook.exec.command})"
    return f"Http ({hook.http_get.path})" if hook.http_get is not None else "Sleep"

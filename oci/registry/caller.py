"""Requests to an endpoint until one is answered: with authorization, and again where a failure passes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from firkin.errors import RegistryError
from firkin.oci.registry.authorization import Authorizer
from firkin.oci.registry.endpoint import Endpoint, origin
from firkin.oci.registry.failure import refusal
from firkin.oci.registry.limits import Limits
from firkin.oci.registry.reply import Reply
from firkin.oci.registry.request import Request
from firkin.oci.registry.transport import Transport

__all__ = ["Caller"]

_T = TypeVar("_T")


class Caller:
    """Sends requests. `attempts` of `call` is how often at most, None for what the limits say."""

    def __init__(self, transport: Transport, authorizer: Authorizer) -> None:
        self.limits: Limits = transport.limits
        self._transport = transport
        self._authorizer = authorizer

    async def call(
        self,
        endpoint: Endpoint,
        request: Request,
        consume: Callable[[Reply], Awaitable[_T]],
        *,
        good: frozenset[int],
        attempts: int | None = None,
    ) -> _T:
        """What `consume` makes of the answer, whose status is one of `good`.

        `consume` is called again if it raises a transient RegistryError. Raises RegistryError and what it raises.
        """
        failures = 0
        while True:
            try:
                return await self.once(endpoint, request, consume, good=good)
            except RegistryError as error:
                failures += 1
                await self.wait(error, failures, attempts or self.limits.attempts)

    async def once(
        self,
        endpoint: Endpoint,
        request: Request,
        consume: Callable[[Reply], Awaitable[_T]],
        *,
        good: frozenset[int],
    ) -> _T:
        """As `call`, with one attempt, or two where the first one shows which authorization is wanted."""
        used = await self._authorizer.authorization(endpoint, request)
        async with self._transport.exchange(endpoint, request, used) as reply:
            if reply.status in good:
                return await consume(reply)
            # Nobody else may ask for what the endpoint is convinced by.
            if reply.status != 401 or origin(reply.url) != origin(endpoint.base):
                raise await refusal(reply, request.what)
            await self._authorizer.learn(endpoint, request, reply, used)
        used = await self._authorizer.authorization(endpoint, request)
        async with self._transport.exchange(endpoint, request, used) as reply:
            if reply.status in good:
                return await consume(reply)
            is_known = await self._authorizer.credentials(endpoint) is not None
            raise await refusal(reply, request.what, authorized=is_known)

    async def wait(self, error: RegistryError, failures: int, attempts: int) -> None:
        """Wait before the next attempt. Raises `error` if there is to be none."""
        if not error.transient or failures >= attempts or (error.wait or 0) > self.limits.longest:
            raise error
        await asyncio.sleep(self.limits.pause(failures) + (error.wait or 0))

"""The endpoints of each registry, asked one after the other until one gives what is wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from firkin.errors import ConfigError, RegistryError
from firkin.oci.registry.endpoint import Endpoint
from firkin.oci.registry.hosts import HOSTS_DIRECTORY, endpoints
from firkin.oci.registry.limits import Limits

__all__ = ["Mirrors"]

_T = TypeVar("_T")


class Mirrors:
    """The endpoints by the directory of hosts; those that could not be reached are asked last from then on."""

    def __init__(self, limits: Limits, directory: str = HOSTS_DIRECTORY) -> None:
        self._limits = limits
        self._directory = directory
        self._known: dict[str, tuple[Endpoint, ...]] = {}
        self._unreachable: set[str] = set()

    def able(self, host: str, capability: str) -> list[Endpoint]:
        """The endpoints of a registry with a capability, the registry itself last.

        Raises ConfigError if there are none, KernelError.
        """
        if host not in self._known:
            self._known[host] = endpoints(host, self._directory)
        found = [endpoint for endpoint in self._known[host] if capability in endpoint.capabilities]
        if not found:
            place = self._known[host][0].place
            raise ConfigError("", f"no endpoint of {host} has the capability {capability}", document=place)
        return found

    async def first(self, host: str, capability: str, ask: Callable[[Endpoint, int], Awaitable[_T]]) -> _T:
        """What `ask` gets from the first endpoint where it does not fail; it is told how many attempts are due.

        Raises RegistryError of the registry itself, which tells of its mirrors too; whatever else `ask` raises.
        """
        able = self.able(host, capability)
        left = sorted(able, key=lambda endpoint: endpoint.url in self._unreachable)
        failed: dict[Endpoint, RegistryError] = {}
        while left:
            endpoint = left.pop(0)
            try:
                return await ask(endpoint, self._limits.mirror_attempts if left else self._limits.attempts)
            except RegistryError as error:
                failed[endpoint] = error
                if not error.status:
                    self._unreachable.add(endpoint.url)
        own = failed.pop(able[-1])
        _tell_of(list(failed.values()), own)
        raise own


def _tell_of(failed: list[RegistryError], error: RegistryError) -> None:
    if failed:
        others = "; ".join(f"its mirror {other.message.partition(': ')[2]}" for other in failed)
        error.hint = f"{error.hint}; {others}" if error.hint else others

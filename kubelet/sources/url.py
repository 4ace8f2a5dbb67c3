"""A manifest at a URL, which is asked again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from firkin.kubelet.sources.manifest import Manifest, read_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    import aiohttp

__all__ = ["Url"]

_LARGEST = 10 << 20
_SECONDS = 10.0


class Url:
    """The manifest at `url`, asked every `seconds`; `changed` is called as by `Directory`.

    As long as it can not be had or read, what it said last counts.
    """

    def __init__(self, url: str, seconds: float, node: str, changed: Callable[[dict[str, Manifest]], None]) -> None:
        self._url = url
        self._seconds = seconds
        self._node = node
        self._changed = changed
        self._told = Manifest(is_whole=False)

    async def run(self) -> None:
        """Ask until cancelled."""
        # Only who has a URL pays for the client.
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            while True:
                self._tell(await self._ask(session))
                await asyncio.sleep(self._seconds)

    async def _ask(self, session: aiohttp.ClientSession) -> Manifest:
        import aiohttp

        try:
            async with session.get(self._url) as answer:
                text = await answer.content.read(_LARGEST + 1)
                while len(text) <= _LARGEST and (more := await answer.content.read(_LARGEST + 1)):
                    text += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._failed(str(error) or type(error).__name__)
        if answer.status != 200:
            return self._failed(f"answers with {answer.status} {answer.reason}")
        if len(text) > _LARGEST:
            return self._failed(f"has more than {_LARGEST} bytes")
        if not text.strip():
            return self._failed("answers with nothing")
        return read_manifest(text, self._url, source="http", node=self._node)

    def _failed(self, reason: str) -> Manifest:
        return Manifest((), (f"{self._url}: {reason}",), is_whole=False)

    def _tell(self, manifest: Manifest) -> None:
        if not manifest.is_whole:
            manifest = Manifest(self._told.items, manifest.complaints, is_whole=False)
        if manifest != self._told:
            self._told = manifest
            self._changed({self._url: manifest})

"""The handlers that there are, by name."""

from __future__ import annotations

from collections.abc import Iterator

from firkin import log
from firkin.cri.config import Config
from firkin.cri.handlers.external import ExternalHandler
from firkin.cri.handlers.handler import Handler
from firkin.cri.handlers.missing import MissingHandler
from firkin.cri.handlers.own import OwnHandler
from firkin.cri.handlers.scopes import Scopes
from firkin.cri.places import Places
from firkin.errors import FirkinError, NotFoundError
from firkin.runtime.compile.request import Host

__all__ = ["DEFAULT", "Handlers"]

DEFAULT = "firkin"
"""The handler of who names none. It is always there."""

_LOGGER = log.to("handlers")


class Handlers:
    """Those of the configuration, in its order, after the default one."""

    def __init__(self, config: Config, places: Places, host: Host, scopes: Scopes | None = None) -> None:
        self._places = places
        self._handlers: dict[str, Handler] = {DEFAULT: OwnHandler(DEFAULT, places, host, scopes)}
        for name, wanted in config.runtimes.items():
            if wanted.type == "oci":
                self._handlers[name] = _probed(ExternalHandler(name, wanted.path, places, host))
            else:
                self._handlers[name] = OwnHandler(name, places, host, scopes)

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def named(self, name: str) -> Handler:
        """The handler that a request names, the default one for "". Raises NotFoundError, which names the others."""
        found = self._handlers.get(name or DEFAULT)
        if found is None:
            raise NotFoundError(f"runtime handler {name!r}: there is none; known are {', '.join(self._handlers)}")
        return found

    def of_record(self, name: str) -> Handler:
        """The handler of something that exists, which may have gone out of the configuration since."""
        return self._handlers.get(name or DEFAULT) or MissingHandler(name, self._places)


def _probed(handler: ExternalHandler) -> ExternalHandler:
    try:
        handler.probe()
    except FirkinError as error:
        # The others must not be without a server.
        _LOGGER.error("%s", error)
    return handler

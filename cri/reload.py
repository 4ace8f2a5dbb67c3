"""SIGHUP: the configuration is read anew. What can change does so at once; of the rest the log says that it waits.

A log file is opened again, and a certificate read again, whether or not anything else has changed: that is how they are
rotated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from firkin import log
from firkin.cri.config import Config
from firkin.cri.images.service import ImageService
from firkin.cri.node import Node
from firkin.cri.streaming.server import StreamingServer
from firkin.errors import FirkinError
from firkin.notify import notify

__all__ = ["LIVE", "Reload", "differences", "merge"]

LIVE = frozenset(
    (
        "log_file",
        "log_format",
        "log_level",
        "max_log_line",
        "images.concurrent_pulls",
        "images.hosts_directory",
        "images.pinned",
        "images.policy",
        "network.config_directory",
        "network.plugin_directories",
    )
)
"""The keys of `[cri]` that can change while the server runs."""

_LOGGER = log.to("reload")
_Section = TypeVar("_Section")


class Reload:
    """Applies what `load` returns, which raises ConfigError for what is wrong, to the parts of the server."""

    def __init__(
        self, node: Node, images: ImageService, streaming: StreamingServer, load: Callable[[], Config]
    ) -> None:
        self._node = node
        self._images = images
        self._streaming = streaming
        self._load = load

    def __call__(self) -> None:
        """Read, compare, apply. A fault is in the log; what it is about stays as it was."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            self._apply(self._load())
        except FirkinError as error:
            _LOGGER.error("nothing is changed: %s", error)
        finally:
            notify("READY=1")

    def _apply(self, wanted: Config) -> None:
        old = self._node.config
        changed = differences(old, wanted)
        live: Set[str] = LIVE & changed.keys()
        for prefix, step in (("log_", _use_log), ("network.", self._use_network), ("streaming.", self._use_streaming)):
            try:
                step(merge(old, wanted, live))
            except FirkinError as error:
                _LOGGER.error("cri.%s stays as it was: %s", prefix.rstrip("._"), error)
                live = {key for key in live if not key.startswith(prefix)}
        self._node.config = merge(old, wanted, live)
        self._images.configure(self._node.config.images)
        _tell(changed, live)

    def _use_network(self, config: Config) -> None:
        self._node.networks.use(config.network.config_directory, config.network.plugin_directories)

    def _use_streaming(self, config: Config) -> None:
        self._streaming.read_certificate(config.streaming.certificate, config.streaming.key)


def _use_log(config: Config) -> None:
    log.set_up(level=config.log_level, style=config.log_format, file=config.log_file)


def _tell(changed: Mapping[str, Any], live: Set[str]) -> None:
    for key in sorted(changed):
        if key in live:
            _LOGGER.info("cri.%s: is %s now", key, changed[key])
        elif key not in LIVE:
            _LOGGER.warning("cri.%s: %s counts from the next start of the server on", key, changed[key])
    _LOGGER.info("the configuration was read anew: %d of %d changes are in force", len(live), len(changed))


def differences(old: Config, new: Config) -> Mapping[str, Any]:
    """The keys whose values differ, such as `images.pinned`, with the new values."""
    before = dict(_settings(old))
    return {key: value for key, value in _settings(new) if before[key] != value}


def merge(old: Config, new: Config, keys: Set[str]) -> Config:
    """The configuration `old` with the values of `keys` from `new`."""
    return _merged(old, new, keys, "")


def _merged(old: _Section, new: _Section, keys: Set[str], prefix: str) -> _Section:
    changes: dict[str, Any] = {}
    for field in fields(old):  # type: ignore[arg-type]
        key, mine, other = f"{prefix}{field.name}", getattr(old, field.name), getattr(new, field.name)
        if is_dataclass(mine):
            changes[field.name] = _merged(mine, other, keys, f"{key}.")
        elif key in keys:
            changes[field.name] = other
    return replace(old, **changes)  # type: ignore[type-var]


def _settings(section: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in fields(section):
        value = getattr(section, field.name)
        if is_dataclass(value):
            yield from _settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value

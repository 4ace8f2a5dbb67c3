"""The log of the daemon: one line an event, `key=value` or JSON, each with the request it belongs to.

The request and what it is about (pod, container) are bound to the task, and inherited by the tasks that it starts.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["bound", "field", "set_up", "to"]

_FIELDS: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("fields", default={})  # noqa: B039


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Add fields to all lines that this task writes within the context."""
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


def field(name: str) -> str:
    """A field that is bound to this task, "" if it is not."""
    return _FIELDS.get().get(name, "")


def to(name: str) -> logging.Logger:
    """The logger of a part of the daemon."""
    return logging.getLogger(f"firkin.{name}")


def set_up(*, level: str, style: str) -> None:
    """Write what is of `level` (debug, info, warning, error) or above to standard error, as `style`: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if style == "json" else _TextLines())
    logger = logging.getLogger("firkin")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())


def _fields_of(record: logging.LogRecord) -> dict[str, str]:
    head = {"level": record.levelname.lower(), "part": record.name.removeprefix("firkin."), "msg": record.getMessage()}
    return {**head, **_FIELDS.get()}


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        pairs = " ".join(f"{key}={_quoted(value)}" for key, value in _fields_of(record).items())
        text = f"{stamp}.{record.msecs:03.0f} {pairs}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {"time": f"{record.created:.6f}", **_fields_of(record)}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def _quoted(value: str) -> str:
    # What comes from a client must not be able to begin a line, or a field, of its own.
    is_plain = bool(value) and value.isprintable() and not set(value) & set(' "=\\')
    return value if is_plain else json.dumps(value)

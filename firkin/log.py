"""The log of the daemon: one line an event, `key=value` or JSON, each with the request it belongs to.

The request and what it is about (pod, container) are bound to the task, and inherited by the tasks that it starts.
"""

from __future__ import annotations

import contextvars
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from firkin.errors import KernelError

__all__ = ["bind", "bound", "field", "set_up", "to"]

_FIELDS: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("fields", default={})  # noqa: B039


def bind(**fields: str) -> None:
    """Add fields to all lines that this task, and those that it starts, write from now on."""
    _FIELDS.set({**_FIELDS.get(), **fields})


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


def set_up(*, level: str, style: str, file: str = "") -> None:
    """Write what is of `level` (debug, info, warning, error) or above, as `style`: text or json.

    Parameters: `file` is appended to, and opened anew by each call; "" is standard error. Raises KernelError if it can
    not be opened; then nothing has changed.
    """
    handler = logging.StreamHandler(_opened(file) if file else sys.stderr)
    handler.setFormatter(_JsonLines() if style == "json" else _TextLines())
    logger = logging.getLogger("firkin")
    before, logger.handlers[:] = logger.handlers[:], [handler]
    for one in before:
        if isinstance(one, logging.StreamHandler) and one.stream is not sys.stderr:
            one.stream.close()
    logger.propagate = False
    logger.setLevel(level.upper())


def _opened(path: str) -> TextIO:
    try:
        return open(path, "a", encoding="utf-8", errors="backslashreplace", opener=_open_private)
    except OSError as error:
        raise KernelError(f"open the log {path}", error.errno or 0) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o640)


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

"""Messages to people and to engines: levels, the two forms, a file or standard error.

Imported only when there is something to say. The forms are those that callers of OCI runtimes
decode: JSON objects with `level`, `msg` and `time`, or `time="..." level=... msg="..."`.
"""

from __future__ import annotations

import os
import sys
import time
from _json import encode_basestring_ascii

from firkin.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.options import Value

__all__ = ["Log", "local_path", "open_log"]

_LEVELS = ("debug", "info", "warning", "error")


class Log:
    """A place for messages.

    With a `path`, messages are appended there in the form `style` (`text` or `json`), and errors
    go to standard error too, as plain lines. Without one everything goes to standard error: as plain lines, or
    with `json` as objects. Messages below `level` are dropped.

    The file is opened for each message and closed again: a descriptor that stays open could end
    up inside a container through `--preserve-fds`.
    """

    def __init__(self, path: str = "", *, style: str = "text", level: str = "info") -> None:
        self._path = path
        self._style = style
        self._threshold = _LEVELS.index(level)

    def debug(self, message: str) -> None:
        """Say what is being done, for whoever looks for a fault."""
        self._emit("debug", message)

    def info(self, message: str) -> None:
        """Say what was done."""
        self._emit("info", message)

    def warning(self, message: str) -> None:
        """Say what the user should know although the command goes on."""
        self._emit("warning", message)

    def error(self, message: str, *, label: str = "error") -> None:
        """Say why the command fails. `label` stands between the program's name and the message on a plain line."""
        self._emit("error", message if label == "error" else f"{label}: {message}", plain=f"{label}: {message}")

    def _emit(self, level: str, message: str, *, plain: str = "") -> None:
        if _LEVELS.index(level) < self._threshold:
            return
        plain = plain or f"{level}: {message}"
        if self._path:
            self._append(self._record(level, message))
            if level == "error":
                _say(plain)
        elif self._style == "json":
            _print(self._record(level, message))
        else:
            _say(plain)

    def _record(self, level: str, message: str) -> str:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = encode_basestring_ascii(message)
        if self._style == "json":
            return f'{{"level":"{level}","msg":{text},"time":"{now}"}}\n'
        return f'time="{now}" level={level} msg={text}\n'

    def _append(self, record: str) -> None:
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(fd, record.encode())
            finally:
                os.close(fd)
        except OSError as error:
            _say(f"warning: write log {self._path}: {error.strerror}: the message is lost: {record}")


def open_log(settings: dict[str, Value]) -> Log:
    """The log that the global options ask for."""
    level = "debug" if settings.get("debug") else str(settings.get("log-level", "info"))
    return Log(str(settings.get("log", "")), style=str(settings.get("log-format", "text")), level=level)


def local_path(target: str) -> str:
    """The absolute path of a log file that was named relatively, or as `file:PATH`.

    Raises `UsageError` for `journald:` and `syslog:`, which other runtimes have.
    """
    kind, colon, path = target.partition(":")
    if colon and kind in ("journald", "syslog"):
        raise UsageError(f"option --log: {kind} is not supported", hint="name a file")
    return os.path.abspath(path if colon and kind == "file" else target)


def _say(line: str) -> None:
    # A name taken from a hostile image must not be able to drive the terminal or to forge a line.
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    _print(f"firkin: {line}\n")


def _print(text: str) -> None:
    # Closed at birth (None) or broken: then there is nobody to tell, and the exit code speaks.
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            return

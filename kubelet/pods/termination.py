"""Termination messages: what a container says of its end, in a file or with the last lines of its log."""

from __future__ import annotations

import os
from collections.abc import Mapping

from firkin.cri.api import container_pb2
from firkin.kubelet.pods.identity import TERMINATION_PATH, TERMINATION_POLICY

__all__ = ["LONGEST_MESSAGE", "annotation_number", "log_tail", "termination_message"]

LONGEST_MESSAGE = 4096
"""Bytes of a message from a file that are kept: the last ones."""

_LOG_BYTES, _LOG_LINES = 2048, 80


def termination_message(status: container_pb2.ContainerStatus) -> str:
    """What a container that has ended says of it; blocks while files are read.

    The file is the one that was mounted at the container's terminationMessagePath. It is the container's to write, and
    is opened without following links or waiting for a fifo. Where the policy is FallbackToLogsOnError, the file is
    empty and the container failed, it is the end of the log.
    """
    falls_back = status.annotations.get(TERMINATION_POLICY) == "FallbackToLogsOnError" and status.exit_code != 0
    falls_back = falls_back and status.reason != "StartError"
    try:
        text = _from_file(status, status.annotations.get(TERMINATION_PATH, ""))
    except OSError as error:
        return f"Error on reading termination log {error.filename}: {error.strerror}"
    if text or not falls_back:
        return text
    try:
        return log_tail(status.log_path)
    except OSError as error:
        return f"Error on reading termination message from logs: {error}"


def _from_file(status: container_pb2.ContainerStatus, path: str) -> str:
    mounted = next((one.host_path for one in status.mounts if path and one.container_path == path), "")
    if not mounted:
        return ""
    try:
        return _last_bytes(mounted, LONGEST_MESSAGE).decode(errors="replace")
    except FileNotFoundError:
        return ""


def _last_bytes(path: str, count: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        return os.pread(fd, count, max(0, size - count))
    finally:
        os.close(fd)


def log_tail(path: str) -> str:
    """The last lines of a log in the format of CRI: 80 at most, 2048 bytes at most. Raises OSError."""
    if not path:
        return ""
    # A line of the log is at most this much longer than what is in it: time, stream, tag.
    raw = _last_bytes(path, 2 * _LOG_BYTES + _LOG_LINES * 64)
    lines = raw.split(b"\n")[-_LOG_LINES - 1 :]
    return b"".join(_content(line) for line in lines)[-_LOG_BYTES:].decode(errors="replace")


def _content(line: bytes) -> bytes:
    fields = line.split(b" ", 3)
    if len(fields) < 4:
        return b""
    return fields[3] + (b"\n" if fields[2].startswith(b"F") else b"")


def annotation_number(annotations: Mapping[str, str], key: str) -> int | None:
    """The number in an annotation, None where there is none."""
    text = annotations.get(key, "")
    return int(text) if text.isdecimal() else None

"""What is said about the logs of containers in the configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from firkin.kubelet.api.quantity import whole

__all__ = ["LogSettings", "log_faults"]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`[kubelet.container_logs]`: a log of more than `max_size` is rotated, a container has `max_files` of them.

    `links` is the directory with a link to the log of each container; empty for none.
    """

    max_size: str = "10Mi"
    max_files: int = 5
    links: str = "/var/log/containers"

    @property
    def max_bytes(self) -> int:
        """`max_size` in bytes."""
        return whole(self.max_size)


def log_faults(settings: LogSettings) -> Iterator[str]:
    """What is wrong with them, each with its key."""
    try:
        if settings.max_bytes < 1:
            yield "kubelet.container_logs.max_size: is less than 1"
    except ValueError as error:
        yield f"kubelet.container_logs.max_size: {error}"
    if settings.max_files < 2:
        yield "kubelet.container_logs.max_files: is less than 2"
    if settings.links and not os.path.isabs(settings.links):
        yield f"kubelet.container_logs.links: {settings.links!r} is not an absolute path"

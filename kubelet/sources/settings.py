"""What the sources are told: the section `[kubelet.sources]`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["SourceSettings", "source_faults"]


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[kubelet.sources]`: a directory of manifests, and a URL that is asked every `url_seconds`; "" is none."""

    manifests: str = "/etc/firkin/manifests"
    url: str = ""
    url_seconds: int = 20


def source_faults(settings: SourceSettings) -> Iterator[str]:
    """What is wrong with the settings, by key."""
    if settings.manifests and not os.path.isabs(settings.manifests):
        yield f"kubelet.sources.manifests: {settings.manifests!r} is not an absolute path"
    if settings.url and not settings.url.startswith(("http://", "https://")):
        yield f"kubelet.sources.url: {settings.url!r} is not http:// or https://"
    if settings.url_seconds < 1:
        yield "kubelet.sources.url_seconds: is less than 1"

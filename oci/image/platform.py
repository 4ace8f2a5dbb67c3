"""Which image of an index is for this machine.

Source: image-spec image-index.md, "platform"; containerd's rules for variants of arm.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from firkin.errors import ImageError
from firkin.oci.image.manifest import Descriptor, Platform

__all__ = ["check_platform", "choose", "host_platform", "parse_platform"]

_MACHINES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
    "loongarch64": ("loong64", ""),
}


def host_platform() -> Platform:
    """The platform of this machine."""
    machine = os.uname().machine
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return Platform(architecture=architecture, os="linux", variant=variant)


def parse_platform(text: str) -> Platform:
    """A platform from `OS/ARCHITECTURE[/VARIANT]`. Raises ImageError."""
    parts = text.split("/")
    if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isalnum() for part in parts):
        raise ImageError(f"platform {text!r}: is not OS/ARCHITECTURE[/VARIANT]", hint="such as linux/arm64")
    return Platform(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) > 2 else "")


def choose(manifests: Iterable[Descriptor], wanted: Platform, name: str) -> Descriptor:
    """The first of the best descriptors for `wanted`. Raises ImageError naming the platforms that there are."""
    ranked = [(rank, entry) for entry in manifests if (rank := _rank(entry.platform, wanted)) is not None]
    if ranked:
        return min(ranked, key=lambda pair: pair[0])[1]
    there = sorted({_text(entry.platform) for entry in manifests if entry.platform and entry.platform.os != "unknown"})
    raise ImageError(f"{name}: has no image for {_text(wanted)}", hint=f"there are {', '.join(there) or 'none'}")


def check_platform(found: Platform, wanted: Platform, name: str) -> None:
    """Raise ImageError unless an image for `found`, as its configuration says, is one for `wanted`."""
    if _rank(found, wanted) is None:
        raise ImageError(f"{name}: is an image for {_text(found)}, not for {_text(wanted)}", hint="see --platform")


def _rank(found: Platform | None, wanted: Platform) -> int | None:
    # 0 is what was asked for; more is worse; None is of no use.
    if found is None or found.os != wanted.os or found.architecture != wanted.architecture:
        return None
    if _variant(found) == _variant(wanted):
        return 0
    if wanted.architecture == "arm" and _variant(found) < _variant(wanted):
        return ord(_variant(wanted)[-1]) - ord(_variant(found)[-1])
    if not found.variant or not wanted.variant:
        return 10
    return None


def _variant(platform: Platform) -> str:
    return platform.variant or {"arm64": "v8", "arm": "v7"}.get(platform.architecture, "")


def _text(platform: Platform | None) -> str:
    if platform is None:
        return "any"
    variant = f"/{platform.variant}" if platform.variant else ""
    return f"{platform.os}/{platform.architecture}{variant}"

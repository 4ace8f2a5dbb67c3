"""The mounts that `firkin run IMAGE` asks for by --volume and --mount."""

from __future__ import annotations

import os
from typing import NamedTuple

from firkin.runtime.images.wishes import usage_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.runtime.cli.commands import Invocation

__all__ = ["Wanted", "as_mount", "read_mounts"]

_TYPES = ("bind", "tmpfs", "image")
_KEYS = {
    "type": "type",
    "source": "source",
    "src": "source",
    "target": "target",
    "destination": "target",
    "dst": "target",
    "readonly": "readonly",
    "ro": "readonly",
    "subpath": "subpath",
    "image-subpath": "subpath",
    "size": "size",
}
_FOR = {"source": ("bind", "image"), "subpath": ("image",), "size": ("tmpfs",)}


class Wanted(NamedTuple):
    """One mount: `type` bind, tmpfs or image, `source` a path or the name of an image."""

    type: str
    source: str
    target: str
    read_only: bool
    path: str = ""
    size: str = ""


def as_mount(wanted: Wanted, source: str, *options: str) -> dict[str, object]:
    """A mount as the runtime specification has it. Parameters: `source` and `options` are those of a bind."""
    own = ["ro"] if wanted.read_only else []
    if wanted.type == "tmpfs":
        own += ["nosuid", "nodev", "mode=1777", *([f"size={wanted.size}"] if wanted.size else [])]
        return {"destination": wanted.target, "type": "tmpfs", "source": "tmpfs", "options": own}
    return {"destination": wanted.target, "type": "bind", "source": source, "options": ["rbind", *own, *options]}


def read_mounts(invocation: Invocation) -> list[Wanted]:
    """All mounts that are asked for, those of outer directories first. Raises UsageError."""
    found = [*_volumes(invocation.texts("volume")), *map(_mount, invocation.texts("mount"))]
    return sorted(found, key=lambda wanted: os.path.normpath(wanted.target).count("/"))


def _volumes(texts: list[str]) -> Iterator[Wanted]:
    for text in texts:
        source, _, rest = text.partition(":")
        target, _, options = rest.partition(":")
        words = options.split(",") if options else []
        if not target or target[0] != "/" or not {"ro", "rw"}.issuperset(words):
            raise usage_error("volume", text, "is not DIR:PATH or DIR:PATH:ro, with an absolute PATH")
        if "/" not in source and source not in (".", ".."):
            raise usage_error("volume", text, "names no directory: volumes by name are not supported")
        yield Wanted("bind", os.path.abspath(source), target, "ro" in words)


def _mount(text: str) -> Wanted:
    pairs = dict(_pairs(text))
    kind = pairs.get("type", "bind")
    if kind not in _TYPES:
        raise usage_error("mount", text, f"has no type of {', '.join(_TYPES)}")
    for key in pairs:
        if kind not in _FOR.get(key, _TYPES):
            raise usage_error("mount", text, f"has {key}, which a mount of type {kind} has not")
    target, source = pairs.get("target", ""), pairs.get("source", "")
    if not target.startswith("/"):
        raise usage_error("mount", text, "has no target that is an absolute path")
    if kind != "tmpfs" and not source:
        raise usage_error("mount", text, "has no source")
    read_only = pairs.get("readonly", "false") in ("", "true", "1") or kind == "image"
    source = os.path.abspath(source) if kind == "bind" else source
    return Wanted(kind, source, target, read_only, pairs.get("subpath", ""), pairs.get("size", ""))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key not in _KEYS:
            raise usage_error("mount", text, f"has the key {key!r}, which is none of {', '.join(sorted(_KEYS))}")
        yield _KEYS[key], value

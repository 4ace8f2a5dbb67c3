"""Importing images from files that a test made."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from firkin.errors import FirkinError
from firkin.oci.archive.load import Imported, load
from firkin.oci.archive.spool import open_source
from firkin.oci.image.manifest import Platform
from firkin.oci.image.reference import parse_reference
from firkin.oci.policy.policy import Policy
from firkin.oci.store.images import ImageStore

__all__ = ["ALLOWED", "AMD64", "NAME", "refused", "take", "tarred"]

AMD64 = Platform(architecture="amd64", os="linux")
NAME = parse_reference("r.example/app:1")
ALLOWED = Policy("/nonexistent/policy.toml")
"""A policy without a file."""


def take(store: ImageStore, path: Path, platform: Platform | None = AMD64, **options: Any) -> list[Imported]:
    """Import what is at `path`, which is called x in errors, as `NAME`."""
    options = {"policy": ALLOWED, "name": NAME, **options}
    fd = os.open(path, os.O_RDONLY)
    try:
        with open_source(fd, "x", store.content.scratch) as source:
            return load(store, source, platform, **options)
    finally:
        os.close(fd)


def refused(store: ImageStore, path: Path, reason: str, platform: Platform | None = AMD64, **options: Any) -> None:
    """It is, with one line, and no image is there."""
    with pytest.raises(FirkinError, match=reason) as raised:
        take(store, path, platform, **options)
    text = str(raised.value)
    assert text.startswith("x: ") and text.isprintable() and len(text) < 700, text
    assert list(store.images()) == []


def tarred(place: Path) -> Path:
    """An archive of a directory, beside it."""
    path = place.with_suffix(".tar")
    with tarfile.open(path, "w") as tar:
        tar.add(place, ".")
    return path

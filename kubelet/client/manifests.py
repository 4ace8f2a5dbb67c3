"""Manifests that a command line names: files, directories, URLs, and standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from firkin.errors import FirkinError, KernelError
from firkin.kubelet.objects.documents import Document, read_documents

__all__ = ["documents_of"]

_ENDS = (".yaml", ".yml", ".json")
_SECONDS = 30


def documents_of(names: Sequence[str]) -> Iterator[Document]:
    """The documents of all manifests, in their order. Raises KernelError, ConfigError."""
    for name in names:
        for path in _files(name):
            yield from read_documents(_read(path), "standard input" if path == "-" else path)


def _files(name: str) -> list[str]:
    if not os.path.isdir(name):
        return [name]
    files = [f"{name}/{entry}" for entry in sorted(os.listdir(name)) if entry.endswith(_ENDS)]
    if not files:
        raise FirkinError(f"{name}: has no files that end in {', '.join(_ENDS)}")
    return files


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    if path.startswith(("http://", "https://")):
        return _fetch(path)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise KernelError(f"read {path}", error.errno or 0) from error


def _fetch(url: str) -> bytes:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError as error:
        raise FirkinError(f"{url}: answers with {error.code} {error.reason}") from error
    except OSError as error:
        raise FirkinError(f"{url}: {getattr(error, 'reason', error)}") from error

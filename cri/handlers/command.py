"""The command line of another OCI runtime, and what it says of itself and of its failures."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

from firkin.cri.handlers.handler import Features
from firkin.errors import FirkinError
from firkin.runtime.compile.external import ENVIRONMENT, ExternalRuntime

__all__ = ["call", "features_of", "words_in"]

_PATIENCE = 120.0
"""Seconds that a command may take."""
_MOST = 1 << 20


def call(runtime: ExternalRuntime, *arguments: str, text: str = "") -> str:
    """Run a command to its end; its output. Parameters: `text` is its standard input. Raises FirkinError."""
    what = f"runtime handler {runtime.name}: {runtime.path} {arguments[0]}"
    environment = dict(pair.split("=", 1) for pair in ENVIRONMENT)
    try:
        done = subprocess.run(
            runtime.command(*arguments), input=text.encode(), capture_output=True, env=environment, cwd="/",
            timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except OSError as error:
        raise FirkinError(f"{what}: {os.strerror(error.errno or 0)}") from error
    except subprocess.TimeoutExpired:
        raise FirkinError(f"{what}: did not end within {_PATIENCE:.0f} s") from None
    if done.returncode:
        said = words_in(done.stderr.decode("utf-8", "replace")) or f"ended with {done.returncode}"
        raise FirkinError(f"{what}: {said}")
    return done.stdout.decode("utf-8", "replace")


def words_in(text: str) -> str:
    """The last error of a log whose lines are JSON (`--log-format json`), or its last line, "" if there is none."""
    errors = [str(line.get("msg", "")) for line in _objects(text) if line.get("level") in ("error", "fatal")]
    if errors:
        return errors[-1].strip()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("{")]
    return lines[-1].strip() if lines else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text[-_MOST:].splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def features_of(runtime: ExternalRuntime) -> Features:
    """What the runtime says that it can do (features.md of the runtime specification); nothing if it says nothing.

    Raises FirkinError if it can not be run at all.
    """
    if not os.access(runtime.path, os.X_OK):
        raise FirkinError(f"runtime handler {runtime.name}: {runtime.path} is no program that can be executed")
    try:
        told = json.loads(call(ExternalRuntime(runtime.name, runtime.path, ()), "features"))
    except (FirkinError, ValueError):
        # The command came with version 1.1 of the specification.
        return Features()
    return Features(
        recursive_read_only_mounts="rro" in (told.get("mountOptions") or ()),
        user_namespaces=bool(_at(told, "linux", "mountExtensions", "idmap", "enabled")),
    )


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value

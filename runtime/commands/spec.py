"""`firkin spec`: write a config.json to begin with."""

from __future__ import annotations

import os

from firkin.errors import FirkinError
from firkin.oci.default_config import default_config
from firkin.oci.json_text import dump
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "spec",
    "write a config.json to begin with",
    group="Bundles",
    options=(
        Option("bundle", "b", "DIR", "directory of the bundle (default: the current directory)"),
        Option("rootless", help="write one that needs no root privilege"),
    ),
    examples=(
        ("firkin spec", "write config.json here"),
        ("firkin spec --rootless --bundle /bundles/web", "write one for an ordinary user"),
    ),
)


def run(invocation: Invocation) -> int:
    """Write the configuration; returns 0."""
    path = os.path.join(invocation.text("bundle") or ".", "config.json")
    config = default_config(
        rootless=invocation.flag("rootless"), cgroup_namespace=True, host_uid=os.getuid(), host_gid=os.getgid()
    )
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(dump(config, 4) + "\n")
    except FileExistsError:
        raise FirkinError(f"{path} exists already", hint="remove it first") from None
    except OSError as error:
        raise FirkinError(f"write {path}: {error.strerror}") from error
    return 0

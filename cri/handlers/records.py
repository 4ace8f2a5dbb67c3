"""The record of a container, which has the same form whoever made the container: written, and taken away."""

from __future__ import annotations

from typing import Any

from firkin import log
from firkin.cgroupfs.tree import Cgroup
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.places import Places
from firkin.errors import NotFoundError
from firkin.oci.encoding import encode
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec import Config
from firkin.runtime.compile.request import Request
from firkin.runtime.create import rfc3339_now
from firkin.runtime.delete import delete
from firkin.runtime.store import Container

__all__ = ["destroy_cgroup", "holding_of", "remove_record", "request_of"]

_LOGGER = log.to("handlers")


def request_of(places: Places, container: str, config: Config, files: FileSystem, **more: Any) -> Request:
    """What the compiler of plans is asked for a container that a monitor starts."""
    return Request(
        id=container,
        bundle=places.container(container),
        state_root=places.runtime,
        config=dump(encode(config)).encode("utf-8", "surrogateescape"),
        created=rfc3339_now(),
        run=True,
        # The monitor stays, and has the terminal.
        foreground=True,
        trees=files.trees,
        holding=files.holding,
        **more,
    )


def destroy_cgroup(places: Places, container: str) -> None:
    """Remove the cgroup of a container that has ended. Raises CgroupError, NotFoundError if there is no record."""
    with Container(places.runtime, container) as record:
        if record.cgroup and not record.text("unit"):
            Cgroup.destroy(record.cgroup)


def holding_of(places: Places, container: str) -> str:
    """The directory of the container's files, "" if there is no record of it."""
    try:
        with Container(places.runtime, container) as record:
            return record.text("holding")
    except NotFoundError:
        return ""


def remove_record(places: Places, container: str) -> None:
    """Kill a container and remove its record with all that it names; it may be gone. Raises FirkinError."""
    delete(places.runtime, container, force=True, warn=_LOGGER.warning)

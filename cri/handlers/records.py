"""The record of a container, which has the same form whoever made the container: written, and taken away."""

from __future__ import annotations

from collections import deque
from typing import Any

from firkin import log
from firkin.cgroupfs.tree import Cgroup
from firkin.cri.containers.filesystem import FileSystem
from firkin.cri.places import Places
from firkin.errors import NotFoundError
from firkin.oci.encoding import encode
from firkin.oci.json_text import dump
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Config, Seccomp
from firkin.runtime.compile.request import Request
from firkin.runtime.create import rfc3339_now
from firkin.runtime.delete import delete
from firkin.runtime.store import Container

__all__ = ["destroy_cgroup", "holding_of", "remove_record", "request_of", "text_of"]

_LOGGER = log.to("handlers")
_TEXTS: deque[tuple[Seccomp, str]] = deque(maxlen=16)


def request_of(places: Places, container: str, config: Config, files: FileSystem, **more: Any) -> Request:
    """What the compiler of plans is asked for a container that a monitor starts."""
    return Request(
        id=container,
        bundle=places.container(container),
        state_root=places.runtime,
        config=text_of(config).encode("utf-8", "surrogateescape"),
        created=rfc3339_now(),
        run=True,
        # The monitor stays, and has the terminal.
        foreground=True,
        trees=files.trees,
        holding=files.holding,
        **more,
    )


def text_of(config: Config) -> str:
    """The configuration as JSON. The filter is half of it, and most containers have the same one."""
    linux = config.linux
    if linux is None or linux.seccomp is None:
        return dump(encode(config))
    fields = encode(replace(config, linux=replace(linux, seccomp=None)))
    head, tail = dump({**fields, "linux": None}), dump(fields["linux"])
    assert head.endswith("null}") and tail.endswith("}")
    between = "," if len(tail) > 2 else ""
    return f'{head[:-5]}{tail[:-1]}{between}"seccomp":{_seccomp_text(linux.seccomp)}}}}}'


def _seccomp_text(seccomp: Seccomp) -> str:
    for known, text in _TEXTS:
        if known is seccomp:
            return text
    text = dump(encode(seccomp))
    _TEXTS.append((seccomp, text))
    return text


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

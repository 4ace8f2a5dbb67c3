"""What a description asks for, as typed data. Source: CDI SPEC.md, "CDI JSON Specification"."""

from __future__ import annotations

from firkin.oci.record import NOTHING, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int64, Uint32

__all__ = ["CdiDevice", "CdiHook", "CdiMount", "CdiNode", "CdiSpec", "Edits"]


class CdiNode(Record):
    """A device node; `host_path` is where it is on the host, "" for the same path."""

    path: str
    host_path: str = ""
    type: str = ""
    major: Int64 | None = None
    minor: Int64 | None = None
    file_mode: Uint32 | None = None
    permissions: str = "rwm"
    uid: Uint32 | None = None
    gid: Uint32 | None = None


class CdiMount(Record):
    """A mount of the host's `host_path` at `container_path`."""

    host_path: str
    container_path: str
    type: str = ""
    options: tuple[str, ...] = ()


class CdiHook(Record):
    """A hook at `hook_name`, which is the name of a point in the life of a container."""

    hook_name: str
    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: Int64 | None = None


class Edits(Record, additional_gids="additionalGids"):
    """What is added to a container's configuration."""

    env: tuple[str, ...] = ()
    device_nodes: tuple[CdiNode, ...] = ()
    mounts: tuple[CdiMount, ...] = ()
    hooks: tuple[CdiHook, ...] = ()
    additional_gids: tuple[Uint32, ...] = ()


class CdiDevice(Record):
    """One device of a description."""

    name: str
    annotations: Mapping[str, str] = NOTHING
    container_edits: Edits


class CdiSpec(Record):
    """A description: the devices of one kind, VENDOR/CLASS, and what any of them brings along."""

    cdi_version: str
    kind: str
    annotations: Mapping[str, str] = NOTHING
    devices: tuple[CdiDevice, ...] = ()
    container_edits: Edits | None = None

"""The top of a `config.json`: the container's root, mounts, names and hooks (config.md)."""

from __future__ import annotations

from firkin.oci.json_text import parse
from firkin.oci.record import NOTHING, Record, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int64
    from firkin.oci.runtime_spec.linux import IdMapping, Linux
    from firkin.oci.runtime_spec.process import Process

__all__ = ["Config", "Hook", "Hooks", "Mount", "Root", "load_config"]


class Root(Record):
    """The root filesystem; `path` is absolute or relative to the bundle."""

    path: str
    readonly: bool = False


class Mount(Record):
    """One mount, in the order of the list; a bind mount if its options say `bind` or `rbind`."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()


class Hook(Record):
    """A program to run at a point of the container's life; `timeout` is in seconds."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: Int64 | None = None


class Hooks(Record):
    """The hooks by their point of the life cycle; `prestart` is deprecated."""

    prestart: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()


class Config(Record):
    """A whole `config.json`; the sections of other platforms are raw JSON objects."""

    oci_version: str
    root: Root | None = None
    mounts: tuple[Mount, ...] = ()
    process: Process | None = None
    hostname: str = ""
    domainname: str = ""
    hooks: Hooks | None = None
    annotations: Mapping[str, str] = NOTHING
    linux: Linux | None = None
    windows: Mapping[str, object] | None = None
    solaris: Mapping[str, object] | None = None
    vm: Mapping[str, object] | None = None
    zos: Mapping[str, object] | None = None
    freebsd: Mapping[str, object] | None = None


def load_config(text: str | bytes, *, strict: bool = False, document: str = "config.json") -> Config:
    """The configuration in the text of a `config.json`, typed but not yet validated (`firkin.oci.validate`).

    Parameters: `strict` refuses fields that the specification does not have; `document` is the name for errors.
    Raises ConfigError with the line and column, or the JSON path, of what is wrong.
    """
    return decode(Config, parse(text, document), strict=strict, document=document)

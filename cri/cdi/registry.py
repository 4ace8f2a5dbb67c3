"""The descriptions of this host: /etc/cdi, then /var/run/cdi, whose devices win. Read when a device is asked for.

A file that is broken takes no other device away: it is an error only for who asks for one that nothing else has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import yaml

from firkin.cri.cdi.edits import CdiSpec, Edits
from firkin.errors import ConfigError, FirkinError, NotFoundError
from firkin.oci.json_text import parse
from firkin.oci.record import decode

__all__ = ["DIRECTORIES", "edits_of"]

DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
"""Where descriptions are, the more important last."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*")
_MOST = 8 << 20


def edits_of(names: list[str], directories: tuple[str, ...] = DIRECTORIES) -> list[Edits]:
    """What the devices `names`, each VENDOR/CLASS=DEVICE, ask for; what a kind asks for comes once, before its devices.

    Raises ConfigError for what is no name, NotFoundError for a device that no description has.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError("config.CDI_devices", f"{name!r} is not VENDOR/CLASS=DEVICE", document="request")
    devices, faults = _devices(directories)
    found: list[Edits] = []
    kinds: set[int] = set()
    for name in names:
        if name not in devices:
            hint = "; ".join(faults)
            raise NotFoundError(f"CDI device {name}: is in no description in {', '.join(directories)}", hint=hint)
        spec, edits = devices[name]
        if spec.container_edits is not None and id(spec) not in kinds:
            kinds.add(id(spec))
            found.append(spec.container_edits)
        found.append(edits)
    return found


def _devices(directories: tuple[str, ...]) -> tuple[dict[str, tuple[CdiSpec, Edits]], list[str]]:
    devices: dict[str, tuple[CdiSpec, Edits]] = {}
    faults = []
    for path in (path for directory in directories for path in _files(directory)):
        try:
            spec = _read(path)
        except FirkinError as error:
            faults.append(str(error))
            continue
        devices.update((f"{spec.kind}={device.name}", (spec, device.container_edits)) for device in spec.devices)
    return devices, faults


def _files(directory: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (f"{directory}/{name}" for name in names if name.endswith((".json", ".yaml", ".yml")))


def _read(path: str) -> CdiSpec:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise ConfigError("", error.strerror or str(error), document=path) from error
    if len(data) > _MOST:
        raise ConfigError("", f"is longer than {_MOST} bytes", document=path)
    return decode(CdiSpec, parse(data, path) if path.endswith(".json") else _yaml(data, path), document=path)


def _yaml(data: bytes, path: str) -> object:
    try:
        # YAML has anchors, with which a few bytes stand for any number: the loader builds them as shared objects.
        return yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError("", f"is not YAML: {' '.join(str(error).split())}", document=path) from error

"""Adding what devices ask for to a container's configuration."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from firkin.cri.cdi.edits import CdiHook, CdiMount, CdiNode, Edits
from firkin.errors import ConfigError
from firkin.oci.record import replace
from firkin.oci.runtime_spec import Config, Device, DeviceRule, Hook, Hooks, Linux, Mount, Process, Resources

__all__ = ["apply_edits"]

_POINTS = {
    "prestart": "prestart",
    "createRuntime": "create_runtime",
    "createContainer": "create_container",
    "startContainer": "start_container",
    "poststart": "poststart",
    "poststop": "poststop",
}


@dataclass(slots=True)
class _Parts:
    process: Process
    linux: Linux
    mounts: tuple[Mount, ...]
    hooks: Hooks


def apply_edits(config: Config, edits: list[Edits]) -> Config:
    """The configuration with all edits, in their order. Raises ConfigError for a device that the host does not have."""
    if config.process is None or config.linux is None:
        raise ConfigError("", "has no process, or no Linux section")
    parts = _Parts(config.process, config.linux, config.mounts, config.hooks or Hooks())
    for one in edits:
        _apply(parts, one)
    found = replace(config, process=parts.process, linux=parts.linux, mounts=parts.mounts)
    return replace(found, hooks=parts.hooks) if parts.hooks != Hooks() else found


def _apply(parts: _Parts, edits: Edits) -> None:
    names = {text.partition("=")[0] for text in edits.env}
    kept = [text for text in parts.process.env if text.partition("=")[0] not in names]
    user = parts.process.user
    groups = dict.fromkeys((*user.additional_gids, *(gid for gid in edits.additional_gids if gid)))
    parts.process = replace(parts.process, env=(*kept, *edits.env), user=replace(user, additional_gids=tuple(groups)))
    for node in edits.device_nodes:
        _add_node(parts, node)
    destinations = {mount.container_path for mount in edits.mounts}
    others = [mount for mount in parts.mounts if mount.destination not in destinations]
    parts.mounts = (*others, *(_mount(mount) for mount in edits.mounts))
    for hook in edits.hooks:
        _add_hook(parts, hook)


def _add_node(parts: _Parts, node: CdiNode) -> None:
    device = _device(node)
    others = [one for one in parts.linux.devices if one.path != device.path]
    resources = parts.linux.resources or Resources()
    rules = resources.devices
    if device.type in ("b", "c"):
        rule = DeviceRule(
            allow=True, type=device.type, major=device.major, minor=device.minor, access=node.permissions or "rwm"
        )
        rules = (*rules, rule)
    parts.linux = replace(parts.linux, devices=(*others, device), resources=replace(resources, devices=rules))


def _device(node: CdiNode) -> Device:
    path = node.host_path or node.path
    kind, major, minor = node.type, node.major, node.minor
    if not kind or (kind != "p" and (major is None or minor is None)):
        kind, major, minor = _look(path)
    fields: dict[str, Any] = {
        "file_mode": node.file_mode,
        "uid": node.uid,
        "gid": node.gid,
        "major": major,
        "minor": minor,
    }
    return Device(path=node.path, type=kind, **{name: value for name, value in fields.items() if value is not None})


def _look(path: str) -> tuple[str, int | None, int | None]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise ConfigError("deviceNodes", f"{path}: {error.strerror}", document="CDI") from error
    kinds = {stat.S_IFBLK: "b", stat.S_IFCHR: "c", stat.S_IFIFO: "p"}
    kind = kinds.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise ConfigError("deviceNodes", f"{path}: is no device", document="CDI")
    if kind == "p":
        return kind, None, None
    return kind, os.major(status.st_rdev), os.minor(status.st_rdev)


def _mount(mount: CdiMount) -> Mount:
    options = mount.options or ("rbind", "ro")
    if not mount.type and not {"bind", "rbind"} & set(options):
        options = ("rbind", *options)
    return Mount(destination=mount.container_path, source=mount.host_path, type=mount.type or "bind", options=options)


def _add_hook(parts: _Parts, hook: CdiHook) -> None:
    point = _POINTS.get(hook.hook_name)
    if point is None:
        raise ConfigError("hooks", f"{hook.hook_name!r} is no point of a container's life", document="CDI")
    fields: dict[str, Any] = {"path": hook.path, "args": hook.args, "env": hook.env, "timeout": hook.timeout}
    added = Hook(**{name: value for name, value in fields.items() if value})
    parts.hooks = replace(parts.hooks, **{point: (*getattr(parts.hooks, point), added)})

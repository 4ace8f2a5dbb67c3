"""Mounts that CRIU can not make again of itself, as they come from the host: bind mounts, the cgroup tree, masks.

Which these are is seen at the checkpoint, where a path of the configuration is what its symbolic links make of it. What
takes their places is the restored container's configuration to say, never the checkpoint, which may come from anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from firkin.errors import ConfigError, KernelError, UnsupportedError
from firkin.oci.runtime_spec import Config, Mount
from firkin.runtime.checkpoint.mountinfo import Mounted, mount_of
from firkin.runtime.compile.mount_options import parse_options

__all__ = ["Outside", "find_outside", "missing_targets", "replacement", "unseen"]

NULL = "/dev/null"
_CGROUP = ("cgroup", "cgroup2")


class Outside:
    """One mount from the host at `point`, where CRIU knows it by: that of `destination` in the configuration.

    `below` is the path from that to a mount that came with it. A masked file has no destination.
    """

    def __init__(self, point: str, destination: str, below: str = "") -> None:
        self.point = point
        self.destination = destination
        self.below = below


def find_outside(config: Config, mounts: Mapping[int, Mounted], root: int) -> list[Outside]:
    """The mounts from the host among those that a container sees, whose root directory is `root`.

    Raises UnsupportedError for mounts that would not be the same when restored.
    """
    heads: dict[int, Mount] = {}
    for index, mount in enumerate(config.mounts):
        if mount.uid_mappings or parse_options(mount.options).mapping:
            raise UnsupportedError(f"mounts[{index}].uidMappings", "has mapped ids, which CRIU does not dump")
        heads[mount_of(root, mount.destination)] = mount
    found = _below_heads(heads, mounts)
    points = {one.point for one in found}
    masked = config.linux.masked_paths if config.linux else ()
    return found + [Outside(point, "") for point in _masks(masked, mounts, root) if point not in points]


def _below_heads(heads: Mapping[int, Mount], mounts: Mapping[int, Mounted]) -> list[Outside]:
    # What is mounted below a bind mount, and not by the configuration, came with it.
    head_of: dict[int, int] = {}
    found = []
    for mounted in _downwards(mounts):
        head = mounted.id if mounted.id in heads else head_of.get(mounted.parent, 0)
        head_of[mounted.id] = head
        if head and mounted.point != "/" and _is_outside(heads[head]):
            below = mounted.point.removeprefix(mounts[head].point)
            found.append(Outside(mounted.point, heads[head].destination, below))
    return found


def _is_outside(mount: Mount) -> bool:
    return mount.type in (*_CGROUP, "bind") or bool(parse_options(mount.options).bind)


def _downwards(mounts: Mapping[int, Mounted]) -> list[Mounted]:
    # Each after what it is mounted on.
    def depth(mounted: Mounted) -> int:
        parent = mounts.get(mounted.parent)
        return 0 if parent is None or parent is mounted else depth(parent) + 1

    return sorted(mounts.values(), key=depth)


def _masks(paths: tuple[str, ...], mounts: Mapping[int, Mounted], root: int) -> list[str]:
    # A directory is masked by a file system of the container's own.
    ids = dict.fromkeys(mount_of(root, path) for path in paths)
    return [mounts[id].point for id in ids if id in mounts and mounts[id].type == "devtmpfs"]


def unseen(config: Config) -> list[Outside]:
    """The mounts from the host as the configuration names them, for checkpoints of runtimes that do not note them."""
    found = [Outside(_clean(mount.destination), mount.destination) for mount in config.mounts if _is_outside(mount)]
    masked = config.linux.masked_paths if config.linux else ()
    # Some have the null device for the name of them all.
    return found + [Outside(path, "") for path in (*masked, NULL)]


def _clean(path: str) -> str:
    return os.path.normpath(f"/{path.lstrip('/')}")


def replacement(outside: Outside, config: Config, bundle: str, cgroups: str) -> str:
    """The path on this host of what takes the place of a mount.

    Parameters: `bundle` is where relative sources begin, `cgroups` the cgroup that the container sees as the root.
    Raises ConfigError if the configuration has no such mount, or its source does not exist.
    """
    if not outside.destination:
        return NULL
    wanted = _clean(outside.destination)
    matching = [i for i, m in enumerate(config.mounts) if _clean(m.destination) == wanted and _is_outside(m)]
    if not matching:
        raise ConfigError("mounts", f"has no bind mount on {wanted}, where the checkpoint has one")
    index, mount = matching[-1], config.mounts[matching[-1]]
    if mount.type in _CGROUP:
        return cgroups
    source = os.path.join(bundle, mount.source) + outside.below
    if not os.path.exists(source):
        raise ConfigError(f"mounts[{index}].source", f"{source} does not exist, and the checkpoint has it mounted")
    return source


def missing_targets(config: Config, rootfs: str, bundle: str) -> list[tuple[str, str, bool]]:
    """The places of mounts that a root file system lacks, which may be fresh: origin, path, whether it is a file.

    Those below another mount come with that one. Raises KernelError if the root can not be opened.
    """
    try:
        root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"open {rootfs}", error.errno or 0) from error
    try:
        return list(_missing(config, root, bundle))
    finally:
        os.close(root)


def _missing(config: Config, root: int, bundle: str) -> Iterator[tuple[str, str, bool]]:
    covered: list[str] = []
    for index, mount in enumerate(config.mounts):
        path = _clean(mount.destination)
        if path.startswith(tuple(f"{other}/" for other in covered)):
            continue
        covered.append(path)
        if mount_of(root, path) < 0:
            source = os.path.join(bundle, mount.source)
            yield f"mounts[{index}].destination", path, _is_outside(mount) and os.path.isfile(source)

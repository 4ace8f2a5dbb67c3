"""What a caller of the library can ask of a container, and the wishes that the compiler of images understands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from firkin.cgroupfs.units import parse_size
from firkin.errors import UsageError
from firkin.oci.bundle.configuration import Wishes
from firkin.oci.default_seccomp import default_seccomp
from firkin.oci.encoding import encode
from firkin.runtime.images.mounts import Wanted
from firkin.runtime.images.wishes import chosen_capabilities

__all__ = ["Mount", "Options", "read_mounts", "read_options"]

_PERIOD = 100_000  # microseconds, the kernel's usual one


@dataclass(frozen=True)
class Mount:
    """Something to see at the absolute path `target` of the container.

    `type` is bind (`source` is a path of the host), tmpfs (of at most `size`, such as "64m") or image (`source` is the
    name of one, read-only, of containers that are made of images).
    """

    target: str
    source: str = ""
    type: Literal["bind", "tmpfs", "image"] = "bind"
    read_only: bool = False
    size: str = ""


class Options(TypedDict, total=False):
    """The keywords of `firkin.run` and `firkin.Container`.

    Just one of `image` (a name, pulled if it is not here) and `rootfs` (a directory) says what the container sees.
    `env` is added to the environment, `cwd` is its working directory, `user` is USER[:GROUP] by name or number.
    `network` is "none" or "host". `memory` is bytes, or text such as "512m"; `cpus` a number of processors, such as
    1.5; `pids` a number of processes; `resources` an object as linux.resources of the runtime specification, for more.
    `users` is (first id on the host, count) of a user namespace. `seccomp` says whether the usual filter is there.
    `name` is the container's id, made up if it is not given. `state_root` and `store` are other directories of records
    and images than the command's.
    """

    image: str
    rootfs: str | os.PathLike[str]
    env: Mapping[str, str]
    cwd: str
    user: str
    hostname: str
    network: Literal["none", "host"]
    memory: int | str
    cpus: float
    pids: int
    resources: Mapping[str, object]
    mounts: Sequence[Mount]
    read_only: bool
    users: tuple[int, int]
    cap_add: Sequence[str]
    cap_drop: Sequence[str]
    seccomp: bool
    name: str
    state_root: str
    store: str


def read_options(arguments: Sequence[str], options: Options, id: str) -> Wishes:
    """The wishes of the options, but for mounts. Raises UsageError."""
    if unknown := options.keys() - Options.__annotations__.keys():
        raise UsageError(f"a container has no option {min(unknown)!r}")
    if bool(options.get("image")) == bool(options.get("rootfs")):
        raise UsageError("just one of the options image and rootfs says what a container sees")
    if not arguments and not options.get("image"):
        raise UsageError("a container of a directory needs a program to run")
    capabilities = chosen_capabilities(options.get("cap_add", ()), options.get("cap_drop", ()))
    seccomp = encode(default_seccomp(capabilities, os.uname().machine)) if options.get("seccomp", True) else None
    return Wishes(
        args=arguments,
        env=[f"{name}={value}" for name, value in options.get("env", {}).items()],
        cwd=options.get("cwd", ""),
        hostname=options.get("hostname") or id[:64],
        read_only=options.get("read_only", False),
        host_network=options.get("network") == "host",
        users=options.get("users"),
        resources=_resources(options),
        capabilities=capabilities,
        seccomp=seccomp,
    )


def _resources(options: Options) -> Mapping[str, object]:
    found: dict[str, object] = dict(options.get("resources", {}))
    if "memory" in options:
        found["memory"] = {**_object(found, "memory"), "limit": _bytes(options["memory"])}
    if "cpus" in options:
        if not 0 < options["cpus"] < 1 << 20:
            raise UsageError(f"option cpus: {options['cpus']!r} is not a number of processors such as 2 or 0.5")
        found["cpu"] = {**_object(found, "cpu"), "quota": round(options["cpus"] * _PERIOD), "period": _PERIOD}
    if "pids" in options:
        found["pids"] = {"limit": options["pids"]}
    return found


def _object(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = found.get(name, {})
    if not isinstance(value, Mapping):
        raise UsageError(f"option resources: {name} is not an object")
    return value


def _bytes(memory: int | str) -> int:
    try:
        return parse_size(memory) if isinstance(memory, str) else memory
    except ValueError as error:
        raise UsageError(f"option memory: {error}") from None


def read_mounts(options: Options) -> list[Wanted]:
    """The mounts, those of outer directories first. Raises UsageError."""
    found = []
    for mount in options.get("mounts", ()):
        if mount.target[:1] != "/" or bool(mount.source) == (mount.type == "tmpfs"):
            raise UsageError(f"option mounts: {mount} needs an absolute target, and a source unless it is a tmpfs")
        source = os.path.abspath(mount.source) if mount.type == "bind" else mount.source
        read_only = mount.read_only or mount.type == "image"
        found.append(Wanted(mount.type, source, mount.target, read_only, size=mount.size))
    return sorted(found, key=lambda wanted: os.path.normpath(wanted.target).count("/"))

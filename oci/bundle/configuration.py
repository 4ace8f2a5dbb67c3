"""The configuration of a container from that of its image.

Source: image-spec conversion.md; the defaults are those that container engines agree on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from firkin.errors import ImageError
from firkin.oci.bundle.users import Identity
from firkin.oci.default_config import default_config
from firkin.oci.image.config import ImageConfig, ProcessConfig
from firkin.oci.record import NOTHING

__all__ = ["DEFAULT_CAPABILITIES", "Wishes", "runtime_config"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
"""What programs of images expect to have: they make users, bind ports, install packages."""
# Beside those of the specification's own configuration: what tells of, or changes, power and load of the machine.
_MASKED = ("/proc/interrupts", "/sys/devices/virtual/powercap")


class Wishes(NamedTuple):
    """What somebody wants to be otherwise than the image says.

    `args` come instead of the image's command; with `entrypoint`, which may be empty, instead of all of it. `env` is
    added to its environment. `root` is the path of the root file system. `host_network` lets the container have the
    host's, `users` (first id on the host, count) gives it a user namespace. `mounts` and `resources` are objects of the
    runtime specification, as `seccomp` is; a mount takes the place of another one at the same destination.
    """

    args: Sequence[str] = ()
    entrypoint: Sequence[str] | None = None
    env: Sequence[str] = ()
    cwd: str = ""
    hostname: str = "firkin"
    terminal: bool = False
    root: str = "rootfs"
    read_only: bool = False
    host_network: bool = False
    users: tuple[int, int] | None = None
    mounts: Sequence[Mapping[str, object]] = ()
    resources: Mapping[str, object] = NOTHING
    capabilities: Sequence[str] = DEFAULT_CAPABILITIES
    seccomp: Mapping[str, object] | None = None


def runtime_config(image: ImageConfig, identity: Identity, wishes: Wishes, name: str) -> dict[str, object]:
    """A `config.json` as a JSON object.

    Parameters: `identity` is who the container runs as, resolved in its root file system; `name` is the image's in
    errors.
    Raises ImageError if neither the image nor the wishes say what to run.
    """
    run = image.config or ProcessConfig()
    args = _arguments(run, wishes)
    if not args:
        raise ImageError(f"{name}: has no command, and none was given")
    config = default_config(cgroup_namespace=True)
    return config | {
        "process": _process(run, identity, wishes, args),
        "root": {"path": wishes.root, "readonly": wishes.read_only},
        "hostname": wishes.hostname,
        "mounts": _mounts(config["mounts"], wishes),
        "linux": _linux(config["linux"], wishes),
        "annotations": _annotations(image, run),
    }


def _arguments(run: ProcessConfig, wishes: Wishes) -> list[str]:
    if wishes.entrypoint is not None:
        # The image's arguments were for its own entrypoint.
        return [*wishes.entrypoint, *wishes.args]
    return [*run.entrypoint, *(wishes.args or run.cmd)]


def _process(run: ProcessConfig, identity: Identity, wishes: Wishes, args: list[str]) -> dict[str, object]:
    sets = ("bounding", "permitted", "effective") if identity.uid == 0 else ("bounding",)
    user: dict[str, object] = {"uid": identity.uid, "gid": identity.gid}
    if identity.additional_gids:
        user["additionalGids"] = list(identity.additional_gids)
    return {
        "terminal": wishes.terminal,
        "user": user,
        "args": args,
        "env": _environment(run, identity, wishes),
        "cwd": wishes.cwd or run.working_dir or "/",
        "capabilities": {name: list(wishes.capabilities) for name in sets},
        "noNewPrivileges": False,
    }


def _environment(run: ProcessConfig, identity: Identity, wishes: Wishes) -> list[str]:
    found = {"PATH": _PATH}
    if wishes.terminal:
        found["TERM"] = "xterm"
    if identity.home:
        found["HOME"] = identity.home
    for text in (*run.env, *wishes.env):
        key, _, value = text.partition("=")
        found[key] = value
    return [f"{key}={value}" for key, value in found.items()]


def _mounts(usual: object, wishes: Wishes) -> list[Mapping[str, object]]:
    assert isinstance(usual, list)
    places = {mount["destination"] for mount in wishes.mounts}
    kept = [mount for mount in usual if mount["destination"] not in places]
    if wishes.users and wishes.host_network:
        # A sysfs belongs to the owner of the network namespace.
        host = {"destination": "/sys", "type": "none", "source": "/sys"}
        bound = {**host, "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}
        kept = [bound if mount["destination"] == "/sys" else mount for mount in kept]
    return [*kept, *wishes.mounts]


def _linux(usual: object, wishes: Wishes) -> dict[str, object]:
    assert isinstance(usual, dict)
    namespaces = [entry for entry in usual["namespaces"] if not wishes.host_network or entry["type"] != "network"]
    linux = usual | {
        "maskedPaths": [*usual["maskedPaths"], *_MASKED],
        "resources": {**usual["resources"], **wishes.resources},
        "namespaces": namespaces,
    }
    if wishes.seccomp:
        linux["seccomp"] = wishes.seccomp
    if wishes.users:
        first, count = wishes.users
        linux["namespaces"] = [*namespaces, {"type": "user"}]
        for kind in ("uidMappings", "gidMappings"):
            linux[kind] = [{"containerID": 0, "hostID": first, "size": count}]
    return linux


def _annotations(image: ImageConfig, run: ProcessConfig) -> Mapping[str, str]:
    told = {
        "org.opencontainers.image.os": image.os,
        "org.opencontainers.image.architecture": image.architecture,
        "org.opencontainers.image.variant": image.variant,
        "org.opencontainers.image.author": image.author,
        "org.opencontainers.image.created": image.created,
        "org.opencontainers.image.stopSignal": run.stop_signal,
        "org.opencontainers.image.exposedPorts": ",".join(sorted(run.exposed_ports)),
    }
    return {**{key: value for key, value in told.items() if value}, **run.labels}

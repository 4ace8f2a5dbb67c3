"""The configuration of a container from that of its image.

Source: image-spec conversion.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firkin.errors import ImageError
from firkin.oci.bundle.users import Identity
from firkin.oci.default_config import default_config
from firkin.oci.image.config import ImageConfig, ProcessConfig

__all__ = ["Wishes", "runtime_config"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What programs of images expect to have: they make users, bind ports, install packages.
_CAPABILITIES = (
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


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants to be otherwise: `args` instead of the image's command, `env` added to its environment."""

    args: Sequence[str] = ()
    env: Sequence[str] = ()
    cwd: str = ""
    hostname: str = "firkin"
    terminal: bool = False


def runtime_config(image: ImageConfig, identity: Identity, wishes: Wishes, name: str) -> dict[str, object]:
    """A `config.json` as a JSON object, whose root file system is in `rootfs`.

    Parameters: `identity` is the image's user, resolved in its root file system; `name` is the image's in errors.
    Raises ImageError if neither the image nor the wishes say what to run.
    """
    run = image.config or ProcessConfig()
    args = [*run.entrypoint, *(wishes.args or run.cmd)]
    if not args:
        raise ImageError(f"{name}: has no command, and none was given")
    config = default_config(cgroup_namespace=True)
    config |= {
        "process": _process(run, identity, wishes, args),
        "root": {"path": "rootfs", "readonly": False},
        "hostname": wishes.hostname,
        "annotations": _annotations(image, run),
    }
    return config


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
        "capabilities": {name: list(_CAPABILITIES) for name in sets},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
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

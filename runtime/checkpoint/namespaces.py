"""Namespaces that a container joined: they are somebody else's, and stay outside of its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator

from firkin.errors import KernelError, UnsupportedError
from firkin.oci.runtime_spec import Config

__all__ = ["check_joined", "check_owned", "external", "joined"]

# The types that CRIU leaves alone if it is told to, by the names that it has for them, and ours for what it is given.
_OUTSIDE = {"network": ("net", "extRootNetNS"), "pid": ("pid", "extRootPidNS")}


def check_owned(config: Config) -> None:
    """Raise UnsupportedError for namespaces that CRIU could not restore as they are."""
    for index, namespace in enumerate(config.linux.namespaces if config.linux else ()):
        if namespace.type == "user":
            reason = "is a user namespace: containers that have one are not dumped"
            raise UnsupportedError(f"linux.namespaces[{index}]", reason)


def check_joined(config: Config) -> None:
    """Raise UnsupportedError for joined namespaces in whose place CRIU would make new ones."""
    for index, namespace in enumerate(config.linux.namespaces if config.linux else ()):
        if namespace.path and namespace.type not in _OUTSIDE:
            reason = f"a container that joins a {namespace.type} namespace can not be restored"
            raise UnsupportedError(f"linux.namespaces[{index}].path", reason)


def joined(config: Config) -> Iterator[tuple[str, str, str]]:
    """The joined namespaces that can stay outside: CRIU's name of the type, the key it is known by, the path."""
    for namespace in config.linux.namespaces if config.linux else ():
        if namespace.path and namespace.type in _OUTSIDE:
            yield (*_OUTSIDE[namespace.type], namespace.path)


def external(config: Config, pid: int) -> list[str]:
    """How CRIU is told that a process's joined namespaces stay outside. Raises KernelError."""
    return [f"{name}[{_inode(f'/proc/{pid}/ns/{name}')}]:{key}" for name, key, _ in joined(config)]


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError as error:
        raise KernelError(f"look at {path}", error.errno or 0) from error

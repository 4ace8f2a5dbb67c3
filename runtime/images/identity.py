"""The few files of /etc that are the container's and not its image's: its name, and the names it knows."""

from __future__ import annotations

import os

from firkin.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from firkin.oci.snapshots.trees import Ids

__all__ = ["write_files"]

_LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def write_files(
    directory: str, hostname: str, ids: Ids | None, *, host_network: bool
) -> list[dict[str, object]]:  # fmt: skip
    """Write them below the directory of the container; returns the mounts that show them. Raises KernelError.

    With the host's network they say what the host's files do; else there is nobody to ask for names.
    """
    mounts: list[dict[str, object]] = []
    try:
        for target, text in _texts(hostname, host_network=host_network):
            path = f"{directory}/{os.path.basename(target)}"
            with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
            os.chmod(path, 0o644)
            if ids:
                os.chown(path, *ids.map(0, 0))
            mounts.append({"destination": target, "type": "bind", "source": path, "options": ["bind"]})
    except OSError as error:
        raise KernelError(f"write {error.filename}", error.errno or 0) from error
    return mounts


def _texts(hostname: str, *, host_network: bool) -> Iterator[tuple[str, str]]:
    yield "/etc/hostname", f"{hostname}\n"
    if not host_network:
        yield "/etc/hosts", f"{_LOCAL}127.0.1.1\t{hostname}\n"
        return
    for path in ("/etc/hosts", "/etc/resolv.conf"):
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                yield path, file.read()
        except FileNotFoundError:
            continue

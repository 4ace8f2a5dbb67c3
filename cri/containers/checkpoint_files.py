"""What is in the archive of a checkpoint beside the images of CRIU, in the form of CRI-O and containerd.

checkpoint/           the images of CRIU
config.dump           which container it was, and when
spec.dump             its configuration as an OCI runtime has it
status.dump           its status as CRI has it
rootfs-diff.tar       what it had changed of its root file system, deleted.files what it had removed
container.log         its log
dump.log, stats-dump  what CRIU has said
"""

from __future__ import annotations

import os
import shutil
import tarfile
import time
from typing import IO

from firkin.cri.containers import query
from firkin.cri.containers.difference import write_difference
from firkin.cri.records.container import Container
from firkin.oci.json_text import dump

__all__ = ["describe", "pack", "write_root"]

_NEVER = "0001-01-01T00:00:00Z"


def describe(container: Container, specification: bytes, directory: str) -> None:
    """Write what is known of the container. Raises OSError."""
    _write(f"{directory}/config.dump", dump(_config(container)).encode())
    _write(f"{directory}/spec.dump", specification)
    _write(f"{directory}/status.dump", dump(_status(container)).encode())


def write_root(container: Container, directory: str) -> None:
    """Write what the container, which is frozen, has changed of its root, and its log. Raises FirkinError, OSError."""
    with open(f"{directory}/rootfs-diff.tar", "xb") as output:
        removed = write_difference(container.facts.snapshot, output)
    _write(f"{directory}/deleted.files", dump(removed).encode("utf-8", "surrogateescape"))
    if container.facts.log_path:
        try:
            shutil.copyfile(container.facts.log_path, f"{directory}/container.log")
        except FileNotFoundError:
            # It may be between two names: the kubelet moves it away before it has it opened again.
            return


def pack(directory: str, output: IO[bytes]) -> None:
    """Write the archive of all that is in the directory. Raises OSError."""
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(os.listdir(directory)):
            archive.add(f"{directory}/{name}", name)


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)


def _config(container: Container) -> dict[str, object]:
    facts = container.facts
    return {
        "id": container.id,
        "name": container.config.metadata.name,
        "rootfsImage": facts.image_id,
        "rootfsImageRef": facts.image_id,
        "rootfsImageName": facts.image_name,
        "runtime": facts.handler or "firkin",
        "createdTime": _rfc3339(facts.created_at),
        "checkpointedTime": _rfc3339(time.time_ns()),
        "restoredTime": _NEVER,
        "restored": False,
    }


def _status(container: Container) -> dict[str, object]:
    status = query.status_of(container)
    return {
        "id": status.id,
        "metadata": {"name": status.metadata.name, "attempt": status.metadata.attempt},
        "state": status.state,
        "created_at": status.created_at,
        "started_at": status.started_at,
        "image": {"image": status.image.image},
        "image_ref": status.image_ref,
        "labels": dict(status.labels),
        "annotations": dict(status.annotations),
        "mounts": [
            {"container_path": one.container_path, "host_path": one.host_path, "readonly": one.readonly}
            for one in status.mounts
        ],
        "log_path": status.log_path,
    }


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"

"""Where logs are: /var/log/pods/NAMESPACE_NAME_UID/CONTAINER/RESTARTS.log, and links to them by container."""

from __future__ import annotations

import os

from firkin.errors import KernelError
from firkin.kubelet.api.meta import ObjectMeta

__all__ = ["container_log", "link_log", "link_name", "pod_logs", "prune_links"]

_MOST_NAME = 255


def pod_logs(root: str, pod: ObjectMeta) -> str:
    """The directory of a pod's logs."""
    return f"{root}/{pod.namespace}_{pod.name}_{pod.uid}"


def container_log(root: str, pod: ObjectMeta, container: str, restarts: int) -> str:
    """The log of a container that was restarted so many times."""
    return f"{pod_logs(root, pod)}/{container}/{restarts}.log"


def link_name(pod: ObjectMeta, container: str, container_id: str) -> str:
    """The name of the link to a container's log: POD_NAMESPACE_CONTAINER-ID.log.

    The part before the id is cut if it would be too long for a name.
    """
    end = f"-{container_id}.log"
    return f"{pod.name}_{pod.namespace}_{container}"[: _MOST_NAME - len(end)] + end


def link_log(links: str, name: str, log: str) -> None:
    """Make the link `name` to a log in the directory `links`, which is made if it is missing. Raises KernelError."""
    path = f"{links}/{name}"
    try:
        os.makedirs(links, 0o755, exist_ok=True)
        try:
            os.symlink(log, path)
        except FileExistsError:
            if os.readlink(path) != log:
                os.unlink(path)
                os.symlink(log, path)
    except OSError as error:
        raise KernelError(f"link {path} to {log}", error.errno or 0) from error


def prune_links(links: str) -> int:
    """Remove the links whose log is gone; returns how many. Raises KernelError."""
    removed = 0
    try:
        for entry in os.scandir(links):
            if entry.is_symlink() and not os.path.exists(entry.path):
                os.unlink(entry.path)
                removed += 1
    except FileNotFoundError:
        pass
    except OSError as error:
        raise KernelError(f"remove dead links in {links}", error.errno or 0) from error
    return removed

"""Deleting a container: its processes, its cgroup, its record, in an order that can be resumed at any point."""

from __future__ import annotations

import os
import select
from _signal import SIGKILL, pidfd_send_signal

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import FirkinError, NotFoundError
from firkin.runtime.status import STOPPED, check
from firkin.runtime.store import Container, container_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Warn = Callable[[str], None]

__all__ = ["delete", "delete_matching", "end", "stop", "take_away"]


def delete(root: str, id: str, *, force: bool, warn: Warn) -> None:
    """Remove what the container leaves behind; with `force` kill it first, and accept that it may not exist.

    Parameters: `warn` is told of a failing poststop hook, which stops nothing.
    Raises NotFoundError, StateError, CgroupError.
    """
    try:
        with Container(root, id) as container:
            container.lock()
            if not force:
                check("delete", id, container.status())
            take_away(container, warn)
    except NotFoundError:
        if not force:
            raise


def delete_matching(root: str, pattern: str, *, force: bool, warn: Warn) -> None:
    """Delete every container whose id the regular expression matches. Raises UsageError for a bad expression."""
    from firkin.runtime.kill import matching

    for id in matching(pattern, container_ids(root)):
        delete(root, id, force=force, warn=warn)


def stop(container: Container) -> None:
    """Kill the container's processes and wait for the end of the first one."""
    pidfd = container.open_process()
    if pidfd < 0:
        return
    try:
        pidfd_send_signal(pidfd, SIGKILL)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        poller.poll()
    except (ProcessLookupError, PermissionError):
        # A security module can forbid it; what follows kills the cgroup, for which nobody's leave is asked.
        return
    finally:
        os.close(pidfd)


def end(container: Container) -> None:
    """Kill the container's processes and remove its cgroup, and its scope. Raises CgroupError."""
    stop(container)
    if container.text("unit"):
        from firkin.runtime.scope import remove_scope

        remove_scope(container)
    elif container.cgroup:
        Cgroup.destroy(container.cgroup)


def take_away(container: Container, warn: Warn) -> None:
    """Remove what a container leaves behind, which the caller has locked. As `delete` with `force`."""
    end(container)
    _run_poststop(container, warn)
    if holding := container.text("holding"):
        # Before the record, which would name it to the next one who tries.
        from firkin.oci.snapshots.trees import remove_tree

        remove_tree(holding)
    container.remove()


def _run_poststop(container: Container, warn: Warn) -> None:
    try:
        text = container.config_text()
    except FirkinError:
        return
    # A look at the bytes spares most containers the decoding.
    if b'"poststop"' not in text:
        return
    from firkin.oci.runtime_spec.config import load_config
    from firkin.runtime.hooks import run_hooks

    for failure in run_hooks(container, load_config(text), "poststop", STOPPED, 0):
        warn(str(failure))

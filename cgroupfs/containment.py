"""Whether a process may be moved: the rules that keep a delegatee in its subtree, and which of them is broken.

The kernel decides. What is seen from here is for people: rights may change between a look and a move, and the kernel
may have been told of others (capabilities, security modules).

Source: Documentation/admin-guide/cgroup-v2.rst, "Delegation Containment"; cgroup_attach_permissions() in
kernel/cgroup/cgroup.c.
"""

from __future__ import annotations

import os

from firkin.cgroupfs.handle import Handle
from firkin.cgroupfs.hierarchy import Hierarchy, find_hierarchy
from firkin.errors import CgroupError, CgroupPathError, CgroupPermissionError, CgroupValueError

__all__ = ["check_move", "explain_refusal", "in_mount", "process_path"]


def process_path(pid: int = 0) -> str:
    """The path of a process's cgroup, 0 for the caller, as this cgroup namespace names it: out of it with `/..`.

    Raises CgroupValueError if there is no such process, CgroupPathError if it is in no cgroup of version 2.
    """
    try:
        with open(f"/proc/{pid or 'self'}/cgroup") as file:
            path = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
    except (FileNotFoundError, ProcessLookupError):
        raise CgroupValueError(f"find the cgroup of process {pid}: no such process", verb="find") from None
    if path is None:
        raise CgroupPathError(f"find the cgroup of process {pid}: it is in none of version 2", verb="find")
    return path.removesuffix(" (deleted)")


def in_mount(path: str, mount: str, mountinfo: str = "/proc/self/mountinfo") -> str | None:
    """Where a cgroup that this namespace calls `path` lies below `mount`, as an absolute path; None if it does not."""
    below = _below(path, _mount_root(mount, mountinfo))
    return None if below is None else f"{mount}{below}"


def check_move(target: Handle, pid: int = 0) -> None:
    """Check that the caller may move process `pid`, 0 for itself, to `target`, as far as can be seen from here.

    Raises CgroupPermissionError with the rule that is broken; its `file` is what would have to be writable.
    """
    hierarchy = find_hierarchy()
    source = process_path(pid)
    if "nsdelegate" in hierarchy.options:
        _check_namespace(source, target, pid, hierarchy.mount)
    who = f"process {pid}" if pid else "the caller"
    procs = f"{target.path}/cgroup.procs"
    if not os.access("cgroup.procs", os.W_OK, dir_fd=target.fileno(), effective_ids=True):
        raise _refused(target, f"{procs} is not writable to user {os.geteuid()}", procs, "the target is not delegated")
    ancestor = _common_ancestor(in_mount(source, hierarchy.mount), target.path, hierarchy)
    procs = f"{ancestor}/cgroup.procs"
    if ancestor and not os.access(procs, os.W_OK, effective_ids=True):
        reason = f"{who} would leave {source}, and {procs}, of the common ancestor, is not writable"
        raise _refused(target, reason, procs, "start the process inside of the delegated subtree instead")


def explain_refusal(target: Handle, pid: int, refusal: CgroupPermissionError) -> CgroupPermissionError:
    """The kernel's refusal of a move to `target`, with the rule that is broken if that is seen from here."""
    try:
        check_move(target, pid)
    except CgroupPermissionError as error:
        error.value, error.errno = refusal.value, refusal.errno
        return error
    except CgroupError:
        # The process ended meanwhile.
        return refusal
    return refusal


def _check_namespace(source: str, target: Handle, pid: int, mount: str) -> None:
    hint = "the hierarchy is mounted with nsdelegate: both ends of a move must be in the cgroup namespace"
    if source.startswith("/.."):
        who = f"process {pid}" if pid else "the caller"
        raise _refused(target, f"{who} is outside of this cgroup namespace, in {source}", target.path, hint)
    # A mount from before the namespace was entered shows what is above, by names that the namespace does not tell.
    above = _mount_root(mount, "/proc/self/mountinfo").split("/").count("..")
    if len(target.path.removeprefix(mount).split("/")) - 1 < above:
        raise _refused(target, "it is outside of this cgroup namespace", target.path, hint)


def _refused(target: Handle, reason: str, file: str, hint: str) -> CgroupPermissionError:
    return CgroupPermissionError(f"move to {target.path}: {reason}", verb="move", file=file, hint=hint)


def _common_ancestor(source: str | None, target: str, hierarchy: Hierarchy) -> str | None:
    if source is None or not f"{target}/".startswith(f"{hierarchy.mount}/"):
        return None
    return os.path.commonpath((source, target))


def _mount_root(mount: str, mountinfo: str) -> str:
    with open(mountinfo) as file:
        rows = [line.split() for line in file if " - cgroup2 " in line]
    # Of mounts over each other the last one is seen.
    roots = [row[3] for row in rows if row[4] == mount]
    return roots[-1] if roots else "/"


def _below(path: str, root: str) -> str | None:
    if root == "/":
        return None if path.startswith("/..") else path.rstrip("/")
    return path.removeprefix(root) if f"{path}/".startswith(f"{root}/") else None

"""What the kernel's refusals mean: an OSError of a cgroup file becomes the exception of its kind, with what to do.

Source: Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/cgroup.c.
"""

from __future__ import annotations

import errno

from firkin import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.handle import Handle

__all__ = ["failed", "missing"]

_CLASSES = {
    errno.EINVAL: errors.CgroupValueError,
    errno.ERANGE: errors.CgroupValueError,
    errno.EDOM: errors.CgroupValueError,
    errno.ESRCH: errors.CgroupValueError,
    errno.EBUSY: errors.CgroupBusyError,
    errno.ENOTEMPTY: errors.CgroupBusyError,
    errno.ENOSPC: errors.CgroupLimitError,
    errno.EAGAIN: errors.CgroupLimitError,
    errno.ENODEV: errors.CgroupGoneError,
    errno.EACCES: errors.CgroupPermissionError,
    errno.EPERM: errors.CgroupPermissionError,
    errno.EROFS: errors.CgroupPermissionError,
    errno.EOPNOTSUPP: errors.CgroupTopologyError,
    errno.ENOTDIR: errors.CgroupPathError,
    errno.ELOOP: errors.CgroupPathError,
    errno.ENAMETOOLONG: errors.CgroupPathError,
}

# Of a write to a file, or of a verb: what the user can do.
_HINTS = {
    (errno.EBUSY, "cgroup.subtree_control"): (
        "a cgroup whose processes are its own can give no domain controller to children, nor take away one that they "
        "use: move the processes to a leaf first"
    ),
    (errno.EBUSY, "cgroup.procs"): "it gives controllers to its children, so processes go into one of these",
    (errno.EBUSY, "remove"): "it has processes or children: kill it, wait until it is empty, remove the children first",
    (errno.ENOENT, "cgroup.subtree_control"): "the parent does not give this controller: enable it there first",
    (errno.ENOENT, "cgroup.procs"): (
        "with nsdelegate, source and target must both lie below the root of this cgroup namespace"
    ),
    (errno.EACCES, "cgroup.procs"): (
        "moving needs write access to cgroup.procs of the target and of the common ancestor of source and target"
    ),
    (errno.ESRCH, "cgroup.procs"): "no such process in this pid namespace",
    (errno.ESRCH, "cgroup.threads"): "no such thread in this pid namespace",
    (errno.EINVAL, "cgroup.procs"): "a kernel thread bound to a processor can not be moved",
    (errno.ENOSPC, "cgroup.procs"): "cpuset has no processor or memory node left for it",
    (errno.ENOSPC, "make"): "the kernel has no id left for another memory cgroup: removed ones still hold memory",
    (errno.EAGAIN, "make"): "cgroup.max.descendants or cgroup.max.depth of an ancestor is reached",
    (errno.EOPNOTSUPP, "cgroup.procs"): (
        "the cgroup is threaded: use cgroup.threads, or it is `domain invalid`: make it threaded"
    ),
    (errno.EOPNOTSUPP, "cgroup.threads"): "threads move only inside of their process's threaded subtree",
    (errno.EOPNOTSUPP, "cgroup.type"): "the parent gives domain controllers, or has children that are no threaded ones",
    (errno.EOPNOTSUPP, "cgroup.kill"): "a process is killed as a whole: kill the threaded subtree's domain",
    (errno.EOPNOTSUPP, "cgroup.subtree_control"): "a threaded subtree can have threaded controllers only",
    (errno.EINVAL, "cgroup.subtree_control"): "no such controller",
    (errno.EINVAL, "cpu.weight"): "the weight of a cgroup with cpu.idle 1 can not be set",
    (errno.EINVAL, "cpu.weight.nice"): "the weight of a cgroup with cpu.idle 1 can not be set",
    (errno.EINVAL, "cpu.max"): "the quota can not be below cpu.max.burst",
    (errno.EINVAL, "cpu.max.burst"): "the burst can not be above the quota of cpu.max",
    (errno.EBUSY, "memory.max"): "memory in use could not be reclaimed",
    (errno.EINVAL, "cpuset.cpus"): "a list such as 0-3,7 of processors that the machine can have",
    (errno.EINVAL, "cpuset.mems"): "a list such as 0-1 of the machine's memory nodes",
    (errno.EACCES, "cpuset.cpus"): "not all of it is among the parent's",
    (errno.ENOSPC, "cpuset.cpus"): "processes in the cgroup need at least one processor",
    (errno.EINVAL, "misc.max"): "misc.capacity of the root names the resources that the machine has",
    (errno.ENODEV, "rdma.max"): "no such RDMA device",
    (errno.EOPNOTSUPP, "io.weight"): "a device can have a weight of its own once io.cost.qos of the root is set for it",
    (errno.EOPNOTSUPP, "io.bfq.weight"): "a device can have a weight of its own while BFQ is its scheduler",
    (errno.EAGAIN, "spawn"): "pids.max of the cgroup or of an ancestor is reached, or a limit of processes of the user",
    (errno.EBUSY, "spawn"): "it gives controllers to its children, so processes go into one of these",
    (errno.EOPNOTSUPP, "spawn"): "a process can not begin in a threaded cgroup, nor in one that is `domain invalid`",
    (errno.EROFS, "make"): "cgroup v2 is mounted read-only here",
}


def failed(verb: str, file: str, error: OSError, value: str | None = None) -> errors.CgroupError:
    """The exception for the OSError `error`.

    Parameters: `verb` is what was tried (read, write, make, open, remove, move ...), `file` the path of the cgroup or
    of the file in it, `value` what was written. Of ENOENT it is not told here whether a file or its cgroup is
    missing; it counts as a cgroup that is gone.
    """
    number = error.errno or 0
    name = file.rpartition("/")[2]
    kind: type[errors.CgroupError] = _CLASSES.get(number, errors.CgroupError)
    if number == errno.ENOENT:
        kind = errors.CgroupPermissionError if name == "cgroup.procs" and value is not None else errors.CgroupGoneError
        kind = errors.ControllerError if name == "cgroup.subtree_control" and value is not None else kind
    if number in (errno.ENODEV, errno.EOPNOTSUPP) and value is not None and name.startswith(("io.", "rdma.")):
        kind = errors.CgroupValueError
    if number == errno.EAGAIN and name == "memory.reclaim":
        kind = errors.CgroupReclaimError
    if number == errno.EINVAL and name == "cgroup.subtree_control":
        kind = errors.ControllerError
    return kind(_sentence(verb, file, error, value), verb=verb, file=file, value=value, errno=number,
                hint=_hint(number, name, verb))  # fmt: skip


def missing(group: Handle, verb: str, file: str, value: str | None = None) -> errors.CgroupError:
    """The exception for an interface file that an existing cgroup does not have: what it would need."""
    path = f"{group.path}/{file}"
    what = f"{verb} {path}" if value is None else f"{verb} {value!r} to {path}"
    reason, hint, kind = _why_missing(group, file)
    return kind(f"{what}: {reason}", verb=verb, file=path, value=value, errno=errno.ENOENT, hint=hint)


def _why_missing(group: Handle, file: str) -> tuple[str, str, type[errors.CgroupError]]:
    from firkin.cgroupfs.controllers import find
    from firkin.cgroupfs.hierarchy import known_hierarchy
    from firkin.cgroupfs.interface import Place

    entry = find(file)
    controller = entry.controller.name if entry else file.partition(".")[0]
    hierarchy = known_hierarchy()
    if group.path == hierarchy.mount:
        if entry and entry.file.place is Place.NOT_ROOT:
            return "the root of the hierarchy has no such file", "", errors.CgroupFileError
    elif entry and entry.file.place is Place.ROOT:
        return "only the root of the hierarchy has this file", "", errors.CgroupFileError
    elif controller in hierarchy.missing():
        reason = hierarchy.missing()[controller]
        hint = "boot with cgroup_no_v1=all" if "v1" in reason else ""
        return f"the {controller} controller is {reason}", hint, errors.ControllerError
    elif controller in hierarchy.controllers and controller not in group.read("cgroup.controllers").split():
        hint = f"enable {controller} in cgroup.subtree_control of {group.path.rpartition('/')[0]}"
        return f"the {controller} controller is not enabled here", hint, errors.ControllerError
    if file.endswith(".pressure") and group.has("cgroup.pressure") and group.read("cgroup.pressure").strip() == "0":
        return "pressure is not measured: cgroup.pressure is 0", "write 1 to cgroup.pressure", errors.CgroupFileError
    since = f"it came with Linux {entry.file.since}, or needs a feature that is not built in" if entry else ""
    return "this kernel has no such file", since, errors.CgroupFileError


def _sentence(verb: str, file: str, error: OSError, value: str | None) -> str:
    reason = f"{error.strerror} [{errno.errorcode.get(error.errno or 0, error.errno)}]"
    return f"{verb} {file}: {reason}" if value is None else f"{verb} {value!r} to {file}: {reason}"


def _hint(number: int, name: str, verb: str) -> str:
    if number == errno.ENODEV and name.startswith("io."):
        return "MAJOR:MINOR must be that of a whole disk, not of a partition"
    if number == errno.EAGAIN and name == "memory.reclaim":
        return "less than that could be reclaimed: the rest is in use, or there is no swap"
    return _HINTS.get((number, name)) or _HINTS.get((number, verb), "")

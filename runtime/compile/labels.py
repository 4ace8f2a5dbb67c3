"""Security modules: what the program is confined by from its execution on, and the label of what is mounted for it.

The kernel takes the name of a profile, or a label, at a file of the process itself in procfs and uses it at the next
execution of a program (AppArmor: change_onexec; SELinux: setexeccon(3)). It is written through a procfs of the host
that is handed over by descriptor: nothing that the container has mounted can take its place.
"""

from __future__ import annotations

from firkin.errors import UnsupportedError
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Process
    from firkin.runtime.compile.request import Host
    from firkin.runtime.plan.builder import PlanBuilder

__all__ = ["add_labels", "check_mount_label", "label_option"]

_UNLABELLED = frozenset(("proc", "sysfs", "cgroup2", "mqueue"))
"""File systems that take no label for a mount as a whole."""


def add_labels(plan: PlanBuilder, process: Process, host: Host) -> None:
    """Have the next program that the child executes confined as the configuration says.

    Raises UnsupportedError where the host has not the security module.
    """
    writes = _writes(process, host)
    if not writes:
        return
    proc = plan.shared_slot()
    plan.prepare.add(op.OPEN_PROC, "process", proc)
    for origin, path, value in writes:
        plan.child.add(op.PROC_WRITE, origin, proc, path, value.encode())
    plan.child.add(op.CLOSE, "process", proc)


def _writes(process: Process, host: Host) -> list[tuple[str, str, str]]:
    found = []
    profile, label = process.apparmor_profile, process.selinux_label
    if profile and not host.apparmor and profile != "unconfined":
        raise UnsupportedError("process.apparmorProfile", f"is {profile!r}, and this host has no AppArmor")
    if profile and host.apparmor:
        found.append(("process.apparmorProfile", "thread-self/attr/apparmor/exec", f"exec {profile}"))
    if label and not host.selinux:
        raise UnsupportedError("process.selinuxLabel", f"is {label!r}, and this host has no SELinux")
    if label:
        found.append(("process.selinuxLabel", "thread-self/attr/exec", label))
    return found


def check_mount_label(label: str, host: Host) -> None:
    """Raise UnsupportedError for a label on a host without SELinux."""
    if label and not host.selinux:
        raise UnsupportedError("linux.mountLabel", f"is {label!r}, and this host has no SELinux")


def label_option(kind: str, label: str) -> str:
    """The option, "" for none, that labels all files of a new file system of type `kind` (mount(8), "context")."""
    return f"context={label}" if label and kind not in _UNLABELLED else ""

"""The files of a cgroup that may be given to another user with it, as the kernel lists them.

Source: Documentation/admin-guide/cgroup-v2.rst, "Delegation"; config-linux.md, "Cgroup ownership".
"""

from __future__ import annotations

__all__ = ["ALWAYS", "delegatable_files"]

_LIST = "/sys/kernel/cgroup/delegate"
ALWAYS = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control")
"""The files that the specification names, for a kernel without a list."""


def delegatable_files(path: str = _LIST) -> tuple[str, ...]:
    """The names of the files that are given with a cgroup: the kernel's list (Linux 4.15), or the specification's."""
    try:
        with open(path) as file:
            names = file.read().split()
    except FileNotFoundError:
        return ALWAYS
    # A name is looked up in the cgroup's directory: it may not lead out of it.
    return tuple(name for name in names if "/" not in name) or ALWAYS

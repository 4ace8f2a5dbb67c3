"""Credentials: no_new_privs, capabilities, groups and user, in the one order that works.

The bounding set can be shrunk only with CAP_SETPCAP, and a filter without no_new_privs be loaded only with
CAP_SYS_ADMIN: both come before the user changes. Permitted capabilities survive that change only because of
PR_SET_KEEPCAPS.
"""

from __future__ import annotations

from _struct import pack

from firkin.runtime.compile.capabilities import mask
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Capabilities, Process
    from firkin.runtime.plan.builder import Section

__all__ = ["set_credentials"]


def set_credentials(
    child: Section, process: Process, available: int, last: int, unknown: set[str], *, keep_groups: bool = False
) -> None:
    """Compile the change from the runtime's credentials to the process's.

    Parameters: `available` is the mask of the capabilities that the runtime can pass on, `last` the kernel's highest
    number; names that can not be granted are added to `unknown`. With `keep_groups` the supplementary groups stay.
    """
    sets = process.capabilities
    bounding = mask(sets.bounding, available, unknown) if sets else 0
    child.add(op.CAP_BOUND, "process.capabilities.bounding", bounding, last)
    child.add(op.CAP_KEEP, "process.user", 1)
    user = process.user
    if not keep_groups:
        gids = pack(f"<{len(user.additional_gids)}I", *user.additional_gids)
        child.add(op.SETGROUPS, "process.user.additionalGids", gids)
    child.add(op.SETGID, "process.user.gid", user.gid)
    child.add(op.SETUID, "process.user.uid", user.uid)
    child.add(op.CAP_KEEP, "process.user", 0)
    if sets:
        _set_capabilities(child, sets, available, unknown)
    else:
        # A process that is given no capabilities has none, and not the runtime's.
        child.add(op.CAP_SET, "process.capabilities", 0, 0, 0)
        child.add(op.CAP_AMBIENT, "process.capabilities.ambient", 0)


def _set_capabilities(child: Section, sets: Capabilities, available: int, unknown: set[str]) -> None:
    permitted = mask(sets.permitted, available, unknown)
    effective = mask(sets.effective, available, unknown) & permitted
    inheritable = mask(sets.inheritable, available, unknown)
    child.add(op.CAP_SET, "process.capabilities", effective, permitted, inheritable)
    # The kernel takes as ambient only what is permitted and inheritable.
    ambient = mask(sets.ambient, available, unknown) & permitted & inheritable
    child.add(op.CAP_AMBIENT, "process.capabilities.ambient", ambient)

"""The container's record on disk: a directory below the state root, whose lock it is too.

    config.json   the configuration as it was at `create`; later changes have no effect
    state.json    id, bundle, cgroup ... and, once the process exists, its id and start time
    start         fifo: its reader is a process that waits for `start`
    answer        fifo: how the start went

It is written before the first thing is made that it names, so that a runtime that dies leaves nothing that can not
be found again.
"""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.compile.context import Context

__all__ = ["FILES", "add_gate", "begin_record", "complete_record"]

FILES = ("config.json", "state.json", "start", "answer")


def begin_record(context: Context) -> None:
    """Take the id, and write what must be undone if this process dies."""
    request, plan = context.request, context.plan
    plan.prepare.add(op.STATE_MAKE, "", context.state_dir, request.state_root, request.id)
    plan.prepare.add(op.STATE_WRITE, "", context.state_dir, "state.json", 0o600, _state(context, b""))
    plan.prepare.add(op.STATE_WRITE, "", context.state_dir, "config.json", 0o600, request.config)


def add_gate(context: Context) -> tuple[int, int]:
    """The two fifos of `start`; returns their slots."""
    slots = []
    for name in ("start", "answer"):
        slot = context.plan.shared_slot()
        context.plan.prepare.add(op.STATE_FIFO, "", slot, context.state_dir, name)
        slots.append(slot)
    return slots[0], slots[1]


def complete_record(context: Context) -> None:
    """Add the process to the record, and write the caller's pid file."""
    process = b'"pid":%c,"startTime":%c,' % (op.HOLE_PID, op.HOLE_START_TIME)
    context.plan.meet.add(op.STATE_WRITE, "", context.state_dir, "state.json", 0o600, _state(context, process))
    if context.request.pid_file:
        context.plan.meet.add(op.PID_FILE, "--pid-file", context.request.pid_file, b"%c" % op.HOLE_PID)


def undo_record(context: Context) -> None:
    """Remove the record, if it is ours."""
    undo, request = context.plan.undo, context.request
    for name in FILES:
        undo.add(op.STATE_UNLINK, "", context.state_dir, name)
    undo.add(op.STATE_REMOVE, "", context.state_dir, request.state_root, request.id)


def _state(context: Context, process: bytes) -> bytes:
    request, root = context.request, context.root_config.path
    fields = {
        "ociVersion": context.config.oci_version,
        "id": request.id,
        "bundle": request.bundle,
        "rootfs": root if root[0] == "/" else f"{request.bundle}/{root}",
        "created": request.created,
        "owner": request.owner,
        "cgroup": context.cgroup_path,
        "annotations": dict(context.config.annotations),
    }
    if request.holding:
        fields["holding"] = request.holding
    if request.scope:
        fields |= {"unit": request.scope.unit, "manager": "user" if request.scope.user else "system"}
    return b"{" + process + dump(fields)[1:].encode()

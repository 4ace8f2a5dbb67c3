"""Hooks: programs of the host's owner at six points of the container's life.

Source: config.md "POSIX-platform Hooks". The points before `start` are operations of the plan; poststop and the
poststart of a later `start` are run from the record on disk.
"""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firkin.oci.runtime_spec import Hook
    from firkin.runtime.compile.context import Context
    from firkin.runtime.plan.builder import Section

__all__ = [
    "add_hooks_before_pivot",
    "add_poststart_hooks",
    "add_start_hooks",
    "open_output",
    "state_of",
    "template_of",
]


def state_of(context: Context, status: str) -> dict[str, object]:
    """The state of the container as a hook reads it, but for the process id."""
    return {
        "ociVersion": context.config.oci_version,
        "id": context.request.id,
        "status": status,
        "bundle": context.request.bundle,
        "annotations": dict(context.config.annotations),
    }


def template_of(state: Mapping[str, object]) -> bytes:
    """The text of a state without a process id, with a hole where that belongs."""
    return b'{"pid":%c,' % op.HOLE_PID + dump(state)[1:].encode()


def open_output(context: Context) -> None:
    """One anonymous file takes what all hooks write, so that a failure can be told in their words."""
    hooks = context.config.hooks
    if hooks is None or not (
        hooks.prestart or hooks.create_runtime or hooks.create_container or hooks.start_container or hooks.poststart
    ):
        return
    context.hook_output = context.plan.shared_slot()
    context.plan.prepare.add(op.OPEN_OUTPUT, "hooks", context.hook_output)


def add_hooks_before_pivot(context: Context) -> None:
    """prestart and createRuntime in the runtime's namespaces, then createContainer in the container's."""
    hooks, plan = context.config.hooks, context.plan
    if hooks is None:
        return
    if hooks.prestart or hooks.create_runtime:
        plan.child.add(op.RENDEZVOUS, "hooks", op.POINT_HOOKS)
        plan.meet.add(op.AWAIT, "hooks", op.POINT_HOOKS)
        _add(context, plan.meet, "prestart", hooks.prestart, "creating")
        _add(context, plan.meet, "createRuntime", hooks.create_runtime, "creating")
        plan.meet.add(op.RELEASE, "hooks", op.POINT_HOOKS)
    _add(context, plan.child, "createContainer", hooks.create_container, "creating")


def add_start_hooks(context: Context) -> None:
    """startContainer, in the container, right before the program."""
    if context.config.hooks:
        _add(context, context.plan.child, "startContainer", context.config.hooks.start_container, "created")


def add_poststart_hooks(context: Context) -> None:
    """poststart, in the runtime's namespaces, when the program runs."""
    if context.config.hooks:
        _add(context, context.plan.meet, "poststart", context.config.hooks.poststart, "running")


def _add(context: Context, section: Section, name: str, hooks: Sequence[Hook], status: str) -> None:
    if not hooks:
        return
    state = template_of(state_of(context, status))
    # Who runs in the container has the environment of its program.
    inherited = context.process.env if name == "startContainer" else context.host.environment
    for index, hook in enumerate(hooks):
        environment = hook.env if "env" in vars(hook) else inherited
        timeout = -1 if hook.timeout is None else hook.timeout * 1000
        output = op.NO_SLOT if context.hook_output is None else context.hook_output
        arguments = hook.args or (hook.path,)
        section.add(op.HOOK, f"hooks.{name}[{index}]", hook.path, arguments, environment, timeout, state, output)

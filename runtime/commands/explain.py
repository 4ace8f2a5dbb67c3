"""`firkin explain`: show what a bundle would do."""

from __future__ import annotations

from firkin.oci.json_text import dump
from firkin.runtime.bundle import read_bundle
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.compile.container import compile_container
from firkin.runtime.compile.request import Request
from firkin.runtime.host import read_host
from firkin.runtime.plan.disassemble import read_plan
from firkin.runtime.plan.render import printable, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation
    from firkin.runtime.plan.disassemble import Operation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "explain",
    "show what running a bundle would do, step by step",
    "BUNDLE",
    group="Bundles",
    options=(Option("json", help="write the steps as JSON"),),
    description="Compiles the bundle's config.json to the plan that firkin run would execute, and does nothing of it.",
    examples=(
        ("firkin explain /bundles/web", "every mount, every write, every system call setting, in their order"),
        ("firkin explain --json .", "the same for a program"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the plan; returns 0."""
    bundle, text, config = read_bundle(invocation.arguments[0])
    request = Request(
        id="example",
        bundle=bundle,
        state_root=invocation.root,
        config=text,
        created="",
        run=True,
        foreground=True,
    )
    if invocation.cgroup_manager == "systemd":
        from firkin.runtime.scope import expected_scope, needs_user_manager

        request.scope = expected_scope(config, request, user=needs_user_manager(invocation))
    plan, warnings = compile_container(config, request, read_host(invocation.root))
    for warning in warnings:
        invocation.log.warning(warning)
    if invocation.flag("json"):
        print(dump([_as_json(operation) for operation in read_plan(plan)], 2))
    else:
        print(render(plan), end="")
    return 0


def _as_json(operation: Operation) -> dict[str, object]:
    arguments = {name: printable(value) for name, value in operation.arguments.items()}
    return {
        "section": operation.section,
        "index": operation.index,
        "operation": operation.name,
        "origin": operation.origin,
        "arguments": arguments,
    }

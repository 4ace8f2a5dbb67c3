"""`firkin top pods` and `firkin top node`: what pods and the machine use, once."""

from __future__ import annotations

import sys

from firkin.errors import UsageError
from firkin.kubelet.client.options import ALL_NAMESPACES, NAMESPACE, SELECTOR, SOCKET, agent_of
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_NODES = ("node", "nodes", "no")


def _check(invocation: Invocation) -> None:
    if invocation.text("sort-by") not in ("", "cpu", "memory"):
        raise UsageError("top: --sort-by accepts only cpu or memory")
    if len(invocation.arguments) > 1 and invocation.text("selector"):
        raise UsageError("top: only one of NAME or selector can be provided")


COMMAND = Command(
    "top",
    "show what pods or the node use",
    "KIND [NAME]",
    group="Pods",
    options=(
        NAMESPACE,
        ALL_NAMESPACES,
        SELECTOR,
        Option("containers", help="each container"),
        Option("no-headers", help="without the heading"),
        Option("sort-by", "", "COLUMN", "cpu or memory, the most first"),
        Option("sum", help="and the sum of all"),
        SOCKET,
    ),
    description="KIND is pods or node.",
    examples=(
        ("firkin top pods", "the pods of the namespace default"),
        ("firkin top pods -A --sort-by=memory", "all pods, the largest first"),
        ("firkin top node", "the machine"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Print the table; returns 0."""
    from firkin.kubelet.client.usage import node_table, pod_table

    agent, words = agent_of(invocation), invocation.arguments
    name = words[1] if len(words) > 1 else ""
    if words[0] in _NODES:
        print(node_table(agent, name, has_heading=not invocation.flag("no-headers")), end="")
        return 0
    text = pod_table(
        agent,
        namespace="" if invocation.flag("all-namespaces") else invocation.text("namespace"),
        name=name,
        selector=invocation.text("selector"),
        by_container=invocation.flag("containers"),
        sort_by=invocation.text("sort-by"),
        has_sum=invocation.flag("sum"),
        has_heading=not invocation.flag("no-headers"),
    )
    if not text:
        where = "" if invocation.flag("all-namespaces") else f" in {invocation.text('namespace')} namespace."
        sys.stderr.write(f"No resources found{where}\n")
    print(text, end="")
    return 0

"""`firkin describe`: show objects of the agent in all their parts."""

from __future__ import annotations

import sys

from firkin.kubelet.client.options import ALL_NAMESPACES, NAMESPACE, SELECTOR, SOCKET, agent_of
from firkin.runtime.cli.options import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.kubelet.client.agent import Agent
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "describe",
    "show objects of the agent in all their parts",
    "TYPE [NAME...]",
    group="Pods",
    options=(NAMESPACE, ALL_NAMESPACES, SELECTOR, SOCKET),
    description="With what happened to them. The value of a secret is not shown.",
    examples=(
        ("firkin describe pod web", "a pod, its containers, volumes and events"),
        ("firkin describe deploy/web", "a Deployment"),
    ),
)


def run(invocation: Invocation) -> int:
    """Print the objects; returns 0. Raises AgentError if one is not there."""
    from datetime import UTC, datetime

    from firkin.kubelet.client.describe.objects import describe
    from firkin.kubelet.client.resources import choose, path_of

    agent = agent_of(invocation)
    namespace = "" if invocation.flag("all-namespaces") else invocation.text("namespace")
    query = [("labelSelector", invocation.text("selector"))] if invocation.text("selector") else []
    texts = []
    for one in choose(invocation.arguments):
        answer = agent.get(path_of(one.kind, namespace, one.name), query)
        for item in answer.get("items", [answer]):
            item = {"kind": one.kind.name, **item}
            texts.append(describe(item, _events(agent, item), datetime.now(UTC)))
    print("\n\n".join(texts), end="")
    if not texts:
        where = "" if invocation.flag("all-namespaces") else f" in {namespace} namespace."
        sys.stderr.write(f"No resources found{where}\n")
    return 0


def _events(agent: Agent, item: Any) -> list[Any]:
    metadata = item["metadata"]
    fields = {"involvedObject.kind": item["kind"], "involvedObject.name": metadata["name"]}
    if metadata.get("uid"):
        fields["involvedObject.uid"] = metadata["uid"]
    text = ",".join(f"{name}={value}" for name, value in fields.items())
    namespace = metadata.get("namespace") or "default"
    found: list[Any] = agent.get(f"/api/v1/namespaces/{namespace}/events", [("fieldSelector", text)])["items"]
    return found

"""`firkin rollout`: how a change of a workload's pods goes on, and back to what they were before."""

from __future__ import annotations

import sys

from firkin.errors import StateError, UsageError
from firkin.kubelet.client.options import NAMESPACE, SOCKET, agent_of
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from firkin.kubelet.client.agent import Agent
    from firkin.kubelet.client.resources import Chosen
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_ACTIONS = ("history", "pause", "restart", "resume", "status", "undo")
_ALSO_DAEMON_SETS = ("restart", "status")
_STRATEGIC = "application/strategic-merge-patch+json"


def _check(invocation: Invocation) -> None:
    if invocation.arguments[0] not in _ACTIONS:
        raise UsageError(f"rollout: {invocation.arguments[0]!r} is none of {', '.join(_ACTIONS)}")
    if len(invocation.arguments) < 2:
        raise UsageError("rollout: expected TYPE/NAME or TYPE NAME, such as deploy/web")


COMMAND = Command(
    "rollout",
    "follow, undo or repeat a change of a Deployment",
    "ACTION TYPE [NAME...]",
    group="Pods",
    options=(
        NAMESPACE,
        Option("revision", "", "NUMBER", "history: what this revision is", kind="number"),
        Option("to-revision", "", "NUMBER", "undo: back to this one (default: the one before)", kind="number"),
        Option("no-watch", help="status: do not wait until it is done"),
        Option("timeout", "", "DURATION", "status: the longest to wait, such as 30s (default: for ever)"),
        SOCKET,
    ),
    description="ACTION is history, pause, restart, resume, status or undo; DaemonSets have restart and status.",
    examples=(
        ("firkin rollout status deploy/web", "wait until all pods are new"),
        ("firkin rollout undo deploy/web", "back to the revision before"),
        ("firkin rollout restart deploy/web", "replace all pods, a few at a time"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Do it; returns 0. Raises AgentError, StateError, NotFoundError."""
    from firkin.kubelet.client.resources import choose

    action, *words = invocation.arguments
    for one in choose(words):
        kinds = ("Deployment", "DaemonSet") if action in _ALSO_DAEMON_SETS else ("Deployment",)
        if one.kind.name not in kinds or not one.name:
            raise UsageError(f"rollout {action}: expected the name of a {' or a '.join(kinds)}")
        _DOING[action](invocation, agent_of(invocation), one)
    return 0


def _path(invocation: Invocation, one: Chosen) -> str:
    from firkin.kubelet.client.resources import path_of

    return path_of(one.kind, invocation.text("namespace"), one.name)


def _told(one: Chosen, what: str) -> None:
    from firkin.kubelet.client.resources import shown_name

    print(f"{shown_name(one.kind, one.name)} {what}")


def _found(agent: Agent, invocation: Invocation, one: Chosen) -> tuple[Mapping[str, Any], dict[int, Mapping[str, Any]]]:
    from firkin.kubelet.client.rollout import revisions

    value = agent.get(_path(invocation, one))
    directory = _path(invocation, one).rpartition("/deployments/")[0]
    return value, revisions(value, agent.get(f"{directory}/replicasets")["items"])


def _history(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    from firkin.kubelet.client.describe.objects import describe_template
    from firkin.kubelet.client.rollout import history_table, template_of

    value, found = _found(agent, invocation, one)
    number = invocation.number("revision") if invocation.given("revision") else 0
    if number:
        _told(one, f"with revision #{number}")
        print(describe_template(template_of(value, found, number)), end="")
        return
    _told(one, "")
    print(history_table(found))


def _undo(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    from firkin.kubelet.client.rollout import template_of

    value, found = _found(agent, invocation, one)
    if value["spec"].get("paused"):
        hint = f"firkin rollout resume deploy/{one.name}"
        raise StateError(f"deployment {one.name!r}: you cannot rollback a paused deployment", hint=hint)
    number = invocation.number("to-revision") if invocation.given("to-revision") else 0
    template = template_of(value, found, number)
    if template == value["spec"]["template"]:
        _told(one, f"skipped rollback (current template already matches revision {number})")
        return
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    _patch(agent, invocation, one, patch, "application/json-patch+json")
    _told(one, "rolled back")


def _restart(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    from datetime import UTC, datetime

    if agent.get(_path(invocation, one))["spec"].get("paused"):
        raise StateError(f"deployment {one.name!r}: can't restart paused deployment")
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    annotations = {"kubectl.kubernetes.io/restartedAt": now}
    patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    _patch(agent, invocation, one, patch, _STRATEGIC)
    _told(one, "restarted")


def _pause(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    _patch(agent, invocation, one, {"spec": {"paused": True}}, _STRATEGIC)
    _told(one, "paused")


def _resume(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    _patch(agent, invocation, one, {"spec": {"paused": None}}, _STRATEGIC)
    _told(one, "resumed")


def _patch(agent: Agent, invocation: Invocation, one: Chosen, patch: object, kind: str) -> None:
    import json

    agent.send("PATCH", _path(invocation, one), body=json.dumps(patch).encode(), content_type=kind)


def _status(invocation: Invocation, agent: Agent, one: Chosen) -> None:
    from firkin.kubelet.client.durations import seconds_of
    from firkin.kubelet.client.rollout import progress
    from firkin.kubelet.client.waiting import states

    seconds = seconds_of(invocation.text("timeout")) if invocation.given("timeout") else None
    said = ""
    for value in states(agent, _path(invocation, one), seconds):
        text, is_done = progress({"kind": one.kind.name, **value})
        if text != said:
            print(text)
            sys.stdout.flush()
        said = text
        if is_done or invocation.flag("no-watch"):
            return


_DOING = {
    "history": _history, "pause": _pause, "restart": _restart, "resume": _resume, "status": _status, "undo": _undo,
}  # fmt: skip

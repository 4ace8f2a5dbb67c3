"""`firkin delete` for objects of the agent."""

from __future__ import annotations

from firkin.errors import FirkinError, UsageError
from firkin.kubelet.client.options import ALL_NAMESPACES, NAMESPACE, SELECTOR, SOCKET, agent_of
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.kubelet.client.agent import Agent
    from firkin.kubelet.objects.kinds import Kind
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_CASCADES = ("background", "foreground", "orphan")


def _check(invocation: Invocation) -> None:
    if bool(invocation.arguments) is bool(invocation.texts("filename")):
        raise UsageError("delete: expected TYPE NAME..., TYPE/NAME... or -f FILE")
    if invocation.flag("now") and invocation.given("grace-period"):
        raise UsageError("delete: --now and --grace-period cannot be specified together")
    if invocation.given("timeout"):
        from firkin.kubelet.client.durations import seconds_of

        seconds_of(invocation.text("timeout"))


COMMAND = Command(
    "delete",
    "delete objects of the agent",
    "[TYPE] [NAME...]",
    group="Pods",
    options=(
        Option("filename", "f", "FILE", "delete what is in a manifest; may be repeated", repeat=True),
        NAMESPACE,
        ALL_NAMESPACES,
        SELECTOR,
        Option("all", help="all objects of the type"),
        Option("grace-period", "", "SECONDS", "how long a pod has to end, instead of what it says", kind="number"),
        Option("now", help="as little as can be: one second"),
        Option("force", help="with --grace-period=0: do not wait for the pod to end"),
        Option("cascade", "", "HOW", "what belongs to it goes too", choices=_CASCADES, default="background"),
        Option("ignore-not-found", help="do not mind if it does not exist"),
        Option("no-wait", help="do not wait until it is gone"),
        Option("timeout", "", "DURATION", "the longest to wait, such as 30s (default: for ever)"),
        Option("output", "o", "FORM", "name: print names only", choices=("name",)),
        SOCKET,
    ),
    examples=(
        ("firkin delete pod web", "end a pod, and wait until it has ended"),
        ("firkin delete -f web.yaml", "what is in a file"),
        ("firkin delete pods -l app=web --grace-period=5", "some pods, within five seconds"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Delete the objects; returns 0, and 1 if one could not be deleted."""
    failures: list[str] = []
    found: list[tuple[Kind, Any]] = []
    for kind, namespace, name in _meant(invocation, failures):
        try:
            found += _delete(invocation, kind, namespace, name)
        except FirkinError as error:
            failures.append(str(error))
    for text in failures:
        invocation.log.error(text)
    if not invocation.flag("no-wait"):
        _wait(invocation, found)
    return int(bool(failures))


def _meant(invocation: Invocation, failures: list[str]) -> list[tuple[Kind, str, str]]:
    from firkin.kubelet.client.manifests import documents_of
    from firkin.kubelet.client.resources import choose
    from firkin.kubelet.objects.decode import decode_document
    from firkin.kubelet.objects.kinds import kind_of

    own = invocation.text("namespace")
    if invocation.arguments:
        chosen = choose(invocation.arguments)
        is_wide = bool(invocation.text("selector")) or invocation.flag("all")
        if any(not one.name for one in chosen) and not is_wide:
            raise UsageError("resource(s) were provided, but no name was specified", hint="or -l, or --all")
        if any(one.name for one in chosen) and is_wide:
            raise UsageError("name cannot be provided when a selector or --all is specified")
        return [(one.kind, "" if invocation.flag("all-namespaces") else own, one.name) for one in chosen]
    found = []
    for document in documents_of(invocation.texts("filename")):
        try:
            item = decode_document(document).object
        except FirkinError as error:
            # The others are deleted all the same.
            failures.append(str(error))
            continue
        found.append((kind_of(type(item)), item.metadata.namespace or own, item.metadata.name))
    return found


def _delete(invocation: Invocation, kind: Kind, namespace: str, name: str) -> list[tuple[Kind, Any]]:
    from firkin.kubelet.client.agent import AgentError
    from firkin.kubelet.client.resources import path_of

    agent = agent_of(invocation)
    try:
        if name:
            items = [agent.get(path_of(kind, namespace, name))]
        else:
            query = [("labelSelector", invocation.text("selector"))] if invocation.text("selector") else []
            items = agent.get(path_of(kind, namespace), query)["items"]
        for item in items:
            _delete_one(invocation, agent, kind, item)
    except AgentError as error:
        if error.status == 404 and invocation.flag("ignore-not-found"):
            return []
        raise
    return [(kind, item) for item in items]


def _delete_one(invocation: Invocation, agent: Agent, kind: Kind, item: Any) -> None:
    import json

    from firkin.kubelet.client.resources import path_of, shown_name

    metadata = item["metadata"]
    options: dict[str, Any] = {"preconditions": {"uid": metadata["uid"]}}
    options["propagationPolicy"] = invocation.text("cascade").capitalize()
    if invocation.flag("now"):
        options["gracePeriodSeconds"] = 1
    elif invocation.given("grace-period"):
        seconds = invocation.number("grace-period")
        # Not to wait at all is what --force is for.
        options["gracePeriodSeconds"] = seconds if seconds or invocation.flag("force") else 1
    elif invocation.flag("force"):
        options["gracePeriodSeconds"] = 0
    namespace = metadata.get("namespace", "")
    agent.send(
        "DELETE",
        path_of(kind, namespace, metadata["name"]),
        body=json.dumps(options).encode(),
        content_type="application/json",
    )
    name = shown_name(kind, metadata["name"])
    if invocation.text("output") == "name":
        print(name)
        return
    force = "force " if options.get("gracePeriodSeconds") == 0 else ""
    where = f" from {namespace} namespace" if namespace else ""
    print(f'{name.partition("/")[0]} "{metadata["name"]}" {force}deleted{where}')


def _wait(invocation: Invocation, found: list[tuple[Kind, Any]]) -> None:
    import time

    from firkin.kubelet.client.durations import seconds_of
    from firkin.kubelet.client.resources import path_of
    from firkin.kubelet.client.waiting import wait_until_gone

    agent = agent_of(invocation)
    seconds = seconds_of(invocation.text("timeout")) if invocation.given("timeout") else None
    end = None if seconds is None else time.monotonic() + seconds
    for kind, item in found:
        metadata = item["metadata"]
        path = path_of(kind, metadata.get("namespace", ""), metadata["name"])
        wait_until_gone(agent, path, metadata["uid"], None if end is None else end - time.monotonic())

"""`firkin apply`: make objects of the agent be as a manifest says."""

from __future__ import annotations

import sys

from firkin.errors import FirkinError
from firkin.kubelet.client.options import NAMESPACE, SOCKET, agent_of
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.kubelet.client.agent import Agent
    from firkin.kubelet.objects.documents import Document
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]


def _check(invocation: Invocation) -> None:
    from firkin.errors import UsageError
    from firkin.kubelet.client.output import check_output

    check_output(invocation.text("output"))
    if not invocation.texts("filename"):
        raise UsageError("apply: must specify -f FILE", hint="- is standard input")


COMMAND = Command(
    "apply",
    "make objects of the agent be as a manifest says",
    group="Pods",
    options=(
        Option(
            "filename", "f", "FILE", "a file, a directory, a URL, or - for standard input; may be repeated", repeat=True
        ),
        NAMESPACE,
        Option("output", "o", "FORM", "print the objects: yaml, json, name, or jsonpath=TEMPLATE"),
        Option(
            "dry-run",
            "",
            "WHEN",
            "server: say what would be done, and do nothing",
            choices=("none", "server"),
            default="none",
        ),
        Option("force", help="delete and create anew what can not be changed"),
        SOCKET,
    ),
    description=(
        "What does not exist is created; what does is changed in what the manifest says now, and in what it said when "
        "it was applied before and does not say any more. Fields that nobody knows, and kinds that the agent does not "
        "have, are named, and the rest is applied."
    ),
    examples=(
        ("firkin apply -f web.yaml", "the objects of a file"),
        ("firkin apply -f manifests/ --dry-run=server", "what would be done for those of a directory"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Apply all documents; returns 0, and 1 if one of them could not be applied."""
    from firkin.kubelet.client.manifests import documents_of

    failed, none = False, True
    for document in documents_of(invocation.texts("filename")):
        none = False
        try:
            _apply(invocation, document)
        except FirkinError as error:
            # The others are applied all the same.
            invocation.log.error(str(error))
            failed = True
    if none:
        raise FirkinError("no objects passed to apply")
    return int(failed)


def _apply(invocation: Invocation, document: Document) -> None:
    from firkin.kubelet.client.agent import AgentError
    from firkin.kubelet.client.resources import path_of, shown_name
    from firkin.kubelet.objects.decode import decode_document
    from firkin.kubelet.objects.kinds import kind_of

    item, unknown = decode_document(document)
    for path in unknown:
        sys.stderr.write(f'Warning: {document.place(path)}: unknown field "{path}"\n')
    kind = kind_of(type(item))
    name, namespace = item.metadata.name, item.metadata.namespace or invocation.text("namespace")
    if not name:
        raise FirkinError(f"{document.place('metadata')}: metadata.name: Required value")
    agent, path = agent_of(invocation), path_of(kind, namespace, name)
    before = _current(agent, path)
    try:
        after = _send(invocation, agent, path, document.value)
    except AgentError as error:
        if error.status not in (409, 422) or not invocation.flag("force") or before is None:
            raise FirkinError(f"{document.source}: {error}", hint=error.hint) from error
        _replace(agent, path, before)
        before, after = None, _send(invocation, agent, path, document.value)
    _tell(invocation, shown_name(kind, name), before, after)


def _current(agent: Agent, path: str) -> Any:
    from firkin.kubelet.client.agent import AgentError

    try:
        return agent.get(path)
    except AgentError as error:
        if error.status == 404:
            return None
        raise


def _send(invocation: Invocation, agent: Agent, path: str, value: dict[str, Any]) -> Any:
    import json

    query = [("fieldManager", "firkin"), ("fieldValidation", "Ignore")]
    if invocation.text("dry-run") == "server":
        query.append(("dryRun", "All"))
    body = json.dumps(value).encode()
    return agent.send("PATCH", path, query, body=body, content_type="application/apply-patch+yaml")


def _replace(agent: Agent, path: str, before: Any) -> None:
    from firkin.kubelet.client.waiting import wait_until_gone

    agent.send("DELETE", path)
    wait_until_gone(agent, path, before["metadata"]["uid"])


def _tell(invocation: Invocation, name: str, before: Any, after: Any) -> None:
    from firkin.kubelet.client.output import formatted

    form = invocation.text("output")
    if form:
        print(formatted(form, after), end="")
        return
    what = "configured"
    if before is None:
        what = "created"
    elif before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]:
        same = invocation.text("dry-run") == "none" or before == after
        what = "unchanged" if same else what
    dry = " (server dry run)" if invocation.text("dry-run") == "server" else ""
    print(f"{name} {what}{dry}")

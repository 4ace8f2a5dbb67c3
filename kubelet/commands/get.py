"""`firkin get`: show objects of the agent."""

from __future__ import annotations

import sys

from firkin.errors import UsageError
from firkin.kubelet.client.options import ALL_NAMESPACES, NAMESPACE, SELECTOR, SOCKET, agent_of
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firkin.kubelet.client.resources import Chosen
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def _check(invocation: Invocation) -> None:
    from firkin.kubelet.client.output import check_output
    from firkin.kubelet.client.resources import choose

    check_output(invocation.text("output"))
    if bool(invocation.arguments) is bool(invocation.texts("filename")):
        raise UsageError("get: expected TYPE [NAME...], TYPE/NAME... or -f FILE")
    if invocation.arguments and invocation.flag("watch") and len(choose(invocation.arguments)) > 1:
        raise UsageError("get: you may only specify a single resource type, or one object, to watch")


COMMAND = Command(
    "get",
    "show objects of the agent",
    "[TYPE] [NAME...]",
    group="Pods",
    options=(
        NAMESPACE,
        ALL_NAMESPACES,
        SELECTOR,
        Option("field-selector", "", "SELECTOR", "choose by fields, such as status.phase=Running"),
        Option("filename", "f", "FILE", "show what is in a manifest; may be repeated", repeat=True),
        Option("output", "o", "FORM", "wide, yaml, json, name, or jsonpath=TEMPLATE"),
        Option("watch", "w", help="go on, and show what changes"),
        Option("no-headers", help="without the heading"),
        Option("show-labels", help="with the labels, in the last column"),
        Option("ignore-not-found", help="do not mind if it does not exist"),
        SOCKET,
    ),
    description=(
        "TYPE is pods (po), deployments (deploy), daemonsets (ds), jobs, cronjobs (cj), configmaps (cm), secrets, "
        "events (ev), nodes (no), several of them with commas, or all."
    ),
    examples=(
        ("firkin get pods", "the pods of the namespace default"),
        ("firkin get deploy/web -o yaml", "a Deployment as it is"),
        ("firkin get pods -A -l app=web -w", "pods of all namespaces, and what becomes of them"),
    ),
    check=_check,
)


def run(invocation: Invocation) -> int:
    """Print the objects; returns 0, and 1 if one that was named is not there."""
    chosen = _chosen(invocation)
    form = invocation.text("output")
    if invocation.flag("watch"):
        return _watch(invocation, *chosen[0])
    if form not in ("", "wide"):
        return _print_objects(invocation, chosen, form)
    return _print_tables(invocation, chosen)


def _chosen(invocation: Invocation) -> list[tuple[Chosen, str]]:
    # What is meant, and in which namespace.
    from firkin.kubelet.client.manifests import documents_of
    from firkin.kubelet.client.resources import Chosen, choose
    from firkin.kubelet.objects.decode import decode_document
    from firkin.kubelet.objects.kinds import kind_of

    own = "" if invocation.flag("all-namespaces") else invocation.text("namespace")
    if invocation.arguments:
        return [(one, own) for one in choose(invocation.arguments)]
    items = [decode_document(document).object for document in documents_of(invocation.texts("filename"))]
    return [(Chosen(kind_of(type(one)), one.metadata.name), one.metadata.namespace or own) for one in items]


def _query(invocation: Invocation) -> list[tuple[str, str]]:
    pairs = (("labelSelector", "selector"), ("fieldSelector", "field-selector"))
    return [(name, invocation.text(option)) for name, option in pairs if invocation.text(option)]


def _ask(invocation: Invocation, one: Chosen, namespace: str, accept: str = "application/json") -> Any:
    # None if it is not there; what that means is said.
    from firkin.kubelet.client.agent import AgentError
    from firkin.kubelet.client.resources import path_of

    if one.name and one.kind.namespaced and not namespace:
        raise UsageError("get: a resource cannot be retrieved by name across all namespaces")
    try:
        return agent_of(invocation).get(path_of(one.kind, namespace, one.name), _query(invocation), accept=accept)
    except AgentError as error:
        if error.status != 404 or not one.name:
            raise
        if not invocation.flag("ignore-not-found"):
            invocation.log.error(f"Error from server (NotFound): {error}")
        return None


def _print_objects(invocation: Invocation, chosen: list[tuple[Chosen, str]], form: str) -> int:
    from firkin.kubelet.client.output import formatted

    answers = [_ask(invocation, *one) for one in chosen]
    found = [answer for answer in answers if answer is not None]
    items = [item for answer in found for item in answer.get("items", [answer])]
    for answer in found:
        # Those of a list leave it to the list to say what they are.
        for item in answer.get("items", ()):
            item.setdefault("kind", answer["kind"].removesuffix("List"))
            item.setdefault("apiVersion", answer["apiVersion"])
    single = len(chosen) == 1 and chosen[0][0].name
    if single and items:
        print(formatted(form, items[0]), end="")
    elif not single:
        value = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
        print(formatted(form, value), end="")
    return _code(invocation, answers)


def _print_tables(invocation: Invocation, chosen: list[tuple[Chosen, str]]) -> int:
    answers = [(one, _ask(invocation, one, namespace, _TABLE)) for one, namespace in chosen]
    tables: dict[str, list[Any]] = {}
    for one, answer in answers:
        if answer is not None and answer["rows"]:
            tables.setdefault(one.kind.name, []).append((one.kind, answer))
    named = len({one.kind.name for one, _ in answers}) > 1
    texts = [_table(invocation, parts, has_kind=named) for parts in tables.values()]
    print(("" if invocation.flag("no-headers") else "\n").join(texts), end="")
    if not texts and not any(one.name for one, _ in answers):
        every = invocation.flag("all-namespaces") or not any(one.kind.namespaced for one, _ in answers)
        where = "" if every else f" in {invocation.text('namespace')} namespace."
        sys.stderr.write(f"No resources found{where}\n")
    return _code(invocation, [answer for _, answer in answers])


def _table(invocation: Invocation, parts: list[Any], *, has_kind: bool) -> str:
    from firkin.kubelet.client.output import tabulate

    kind, first = parts[0]
    prefix = f"{kind.singular}.{kind.group}/" if kind.group else f"{kind.singular}/"
    rows = [row for _, table in parts for row in _rows(invocation, table, prefix if has_kind else "")]
    heading = [] if invocation.flag("no-headers") else [_heading(invocation, first)]
    return tabulate([*heading, *rows])


def _columns(invocation: Invocation, table: Any) -> list[int]:
    most = 1 if invocation.text("output") == "wide" else 0
    return [at for at, column in enumerate(table["columnDefinitions"]) if column["priority"] <= most]


def _heading(invocation: Invocation, table: Any) -> list[str]:
    names = [table["columnDefinitions"][at]["name"].upper() for at in _columns(invocation, table)]
    labels = ["LABELS"] if invocation.flag("show-labels") else []
    return [*(["NAMESPACE"] if invocation.flag("all-namespaces") else []), *names, *labels]


def _rows(invocation: Invocation, table: Any, prefix: str, columns: list[int] | None = None) -> list[list[str]]:
    columns = _columns(invocation, table) if columns is None else columns
    rows = []
    for row in table["rows"]:
        cells = [str(row["cells"][at]) for at in columns]
        if prefix:
            cells[0] = prefix + cells[0]
        metadata = row["object"]["metadata"]
        if invocation.flag("all-namespaces"):
            cells.insert(0, metadata.get("namespace", ""))
        if invocation.flag("show-labels"):
            labels = metadata.get("labels") or {}
            cells.append(",".join(f"{name}={text}" for name, text in sorted(labels.items())) or "<none>")
        rows.append(cells)
    return rows


def _watch(invocation: Invocation, one: Chosen, namespace: str) -> int:
    import json

    from firkin.kubelet.client.output import formatted, tabulate
    from firkin.kubelet.client.resources import path_of

    form = invocation.text("output")
    query = [*_query(invocation), ("watch", "true")]
    if one.name:
        query.append(("fieldSelector", f"metadata.name={one.name}"))
    as_table = form in ("", "wide")
    accept = _TABLE if as_table else "application/json"
    rest = b""
    widths: list[int] = []
    columns: list[int] | None = None
    for data in agent_of(invocation).read(path_of(one.kind, namespace), query, accept=accept):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            value = json.loads(line)["object"]
            if not as_table:
                print(formatted(form, value), end="", flush=True)
                continue
            heading = []
            if columns is None:
                columns = _columns(invocation, value)
                heading = [] if invocation.flag("no-headers") else [_heading(invocation, value)]
            print(tabulate([*heading, *_rows(invocation, value, "", columns)], widths), end="", flush=True)
    return 0


def _code(invocation: Invocation, answers: list[Any]) -> int:
    return 1 if None in answers and not invocation.flag("ignore-not-found") else 0

"""The tables of `top`, as kubectl prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from firkin.kubelet.api.quantity import parse_quantity
from firkin.kubelet.client.agent import Agent

__all__ = ["node_table", "pod_table"]

_METRICS = "/apis/metrics.k8s.io/v1beta1"
_PADDING = 3


class _Row(NamedTuple):
    names: tuple[str, ...]
    milli_cores: int
    bytes: int


def node_table(agent: Agent, name: str, *, has_heading: bool) -> str:
    """What nodes use, and of how much. Raises AgentError."""
    found = agent.get(f"{_METRICS}/nodes/{name}" if name else f"{_METRICS}/nodes")
    lines = [["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]] if has_heading else []
    for item in found.get("items", [found]):
        node = agent.get(f"/api/v1/nodes/{item['metadata']['name']}")
        allocatable = node.get("status", {}).get("allocatable", {})
        cores, memory = _usage(item["usage"])
        lines.append(
            [
                item["metadata"]["name"],
                f"{cores}m",
                _percent(cores, allocatable.get("cpu"), 1000),
                _mebibytes(memory),
                _percent(memory, allocatable.get("memory"), 1),
            ]
        )
    return _tabulate(lines)


def pod_table(
    agent: Agent,
    *,
    namespace: str,
    name: str,
    selector: str,
    by_container: bool,
    sort_by: str,
    has_sum: bool,
    has_heading: bool,
) -> str:
    """What pods use; `namespace` "" is all of them. Empty if there are none. Raises AgentError."""
    path = f"{_METRICS}/namespaces/{namespace}/pods" if namespace else f"{_METRICS}/pods"
    found = agent.get(f"{path}/{name}" if name else path, [("labelSelector", selector)] if selector else [])
    items = found.get("items", [found])
    if not items:
        return ""
    rows = [row for item in items for row in _rows(item, has_namespace=not namespace, by_container=by_container)]
    rows.sort(key=_order(sort_by))
    columns = [*(["NAMESPACE"] if not namespace else []), *(["POD", "NAME"] if by_container else ["NAME"])]
    lines = [[*columns, "CPU(cores)", "MEMORY(bytes)"]] if has_heading else []
    lines += [[*row.names, f"{row.milli_cores}m", _mebibytes(row.bytes)] for row in rows]
    if has_sum:
        empty = [""] * (len(columns) - 1)
        lines.append([*empty, "", "________", "________"])
        cores, memory = sum(row.milli_cores for row in rows), sum(row.bytes for row in rows)
        lines.append([*empty, "", f"{cores}m", _mebibytes(memory)])
    return _tabulate(lines)


def _rows(item: dict[str, Any], *, has_namespace: bool, by_container: bool) -> Iterable[_Row]:
    meta = item["metadata"]
    head = ((meta["namespace"],) if has_namespace else ()) + (meta["name"],)
    parts = [((*head, one["name"]), *_usage(one["usage"])) for one in item["containers"]]
    if by_container:
        return [_Row(*part) for part in parts]
    return [_Row(head, sum(part[1] for part in parts), sum(part[2] for part in parts))]


def _order(sort_by: str) -> Any:
    if sort_by == "cpu":
        return lambda row: -row.milli_cores
    if sort_by == "memory":
        return lambda row: -row.bytes
    return lambda row: row.names


def _usage(usage: dict[str, str]) -> tuple[int, int]:
    # Fractions of a thousandth are rounded up, as quantities are.
    return -int(-parse_quantity(usage["cpu"]) * 1000 // 1), int(parse_quantity(usage["memory"]))


def _mebibytes(count: int) -> str:
    return f"{count >> 20}Mi"


def _percent(used: int, quantity: str | None, factor: int) -> str:
    if quantity is None:
        return "<unknown>"
    return f"{int(used * 100 / (parse_quantity(quantity) * factor))}%"


def _tabulate(lines: Sequence[Sequence[str]]) -> str:
    # The last column is padded too: that is how kubectl's tables are.
    if not lines:
        return ""
    widths = [max(len(line[column]) for line in lines) + _PADDING for column in range(len(lines[0]))]
    return "".join("".join(map(str.ljust, line, widths)) + "\n" for line in lines)

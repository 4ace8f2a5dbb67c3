"""Objects as rows of a table: the object Table (meta/v1), which kubectl prints as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import LabelSelector, Resource
from firkin.kubelet.api.node import Node
from firkin.kubelet.api.pod import Pod, PodSpec
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job, ReplicaSet
from firkin.kubelet.apiserver.ages import age, human_duration
from firkin.kubelet.apiserver.pod_row import summary
from firkin.kubelet.objects.encode import encode

__all__ = ["Table", "selector_text", "table", "table_of"]

Cells = list[Any]


class Table(NamedTuple):
    """The columns of a kind, those after `wide` only for `-o wide`, and what makes a row."""

    columns: tuple[str, ...]
    wide: tuple[str, ...]
    row: Callable[[Any, datetime], Cells]


def table(
    kind: type[Resource], items: Sequence[Resource], now: datetime, include: str, *, head: bool
) -> dict[str, Any]:
    """The rows of some objects; `include` is None, Metadata or Object: how much of each goes along."""
    form = _TABLES[kind]
    names = [*((name, 0) for name in form.columns), *((name, 1) for name in form.wide)]
    columns = [_column(name, priority) for name, priority in names]
    rows = []
    for item in items:
        row: dict[str, Any] = {"cells": form.row(item, now)}
        if include == "Object":
            row["object"] = encode(item)
        elif include != "None":
            partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            row["object"] = {**partial, "metadata": encode(item.metadata)}
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": columns if head else [],
        "rows": rows,
    }


def table_of(kind: type[Resource]) -> Table:
    """How the objects of a kind are shown."""
    return _TABLES[kind]


def selector_text(selector: LabelSelector | None) -> str:
    """A label selector as text."""
    if selector is None or not (selector.match_labels or selector.match_expressions):
        return "<none>"
    parts = [f"{name}={value}" for name, value in sorted(selector.match_labels.items())]
    for one in selector.match_expressions:
        match one.operator:
            case "In" | "NotIn":
                parts.append(f"{one.key} {one.operator.lower()} ({','.join(sorted(one.values))})")
            case "Exists":
                parts.append(one.key)
            case _:
                parts.append(f"!{one.key}")
    return ",".join(parts)


def _column(name: str, priority: int) -> dict[str, Any]:
    kind = "integer" if name in _NUMBERS else "string"
    form = "name" if name == "Name" else ""
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


def _pod(pod: Pod, now: datetime) -> Cells:
    shown = summary(pod, now)
    gates = "<none>"
    if pod.spec.readiness_gates:
        wanted = {gate.condition_type for gate in pod.spec.readiness_gates}
        held = {one.type for one in pod.status.conditions if one.status == "True"}
        gates = f"{len(wanted & held)}/{len(wanted)}"
    main = [pod.metadata.name, *shown, age(pod.metadata.creation_timestamp, now)]
    return [*main, pod.status.pod_ip or "<none>", pod.spec.node_name or "<none>", "<none>", gates]


def _deployment(item: Deployment, now: datetime) -> Cells:
    status = item.status
    ready = f"{status.ready_replicas}/{item.spec.replicas}"
    since = age(item.metadata.creation_timestamp, now)
    wide = [*_containers(item.spec.template.spec), selector_text(item.spec.selector)]
    return [item.metadata.name, ready, status.updated_replicas, status.available_replicas, since, *wide]


def _replica_set(item: ReplicaSet, now: datetime) -> Cells:
    status = item.status
    since = age(item.metadata.creation_timestamp, now)
    wide = [*_containers(item.spec.template.spec), selector_text(item.spec.selector)]
    return [item.metadata.name, item.spec.replicas, status.replicas, status.ready_replicas, since, *wide]


def _daemon_set(item: DaemonSet, now: datetime) -> Cells:
    status = item.status
    counts = [
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
    ]
    nodes = ",".join(f"{name}={value}" for name, value in sorted(item.spec.template.spec.node_selector.items()))
    wide = [*_containers(item.spec.template.spec), selector_text(item.spec.selector)]
    return [item.metadata.name, *counts, nodes or "<none>", age(item.metadata.creation_timestamp, now), *wide]


def _job(item: Job, now: datetime) -> Cells:
    status = item.status
    if item.spec.completions is not None:
        done = f"{status.succeeded}/{item.spec.completions}"
    elif (item.spec.parallelism or 0) > 1:
        done = f"{status.succeeded}/1 of {item.spec.parallelism}"
    else:
        done = f"{status.succeeded}/1"
    took = ""
    if status.start_time is not None:
        took = human_duration(((status.completion_time or now) - status.start_time).total_seconds())
    wide = [*_containers(item.spec.template.spec), selector_text(item.spec.selector)]
    return [item.metadata.name, _job_status(item), done, took, age(item.metadata.creation_timestamp, now), *wide]


def _job_status(item: Job) -> str:
    held = {one.type for one in item.status.conditions if one.status == "True"}
    for condition, text in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if condition in held:
            return text
    return "Terminating" if item.metadata.deletion_timestamp is not None else "Running"


def _cron_job(item: CronJob, now: datetime) -> Cells:
    last = "<none>"
    if item.status.last_schedule_time is not None:
        last = age(item.status.last_schedule_time, now)
    spec = item.spec
    main = [item.metadata.name, spec.schedule, spec.time_zone or "<none>", str(spec.suspend), len(item.status.active)]
    wide = [*_containers(spec.job_template.spec.template.spec), selector_text(spec.job_template.spec.selector)]
    return [*main, last, age(item.metadata.creation_timestamp, now), *wide]


def _config_map(item: ConfigMap, now: datetime) -> Cells:
    return [item.metadata.name, len(item.data) + len(item.binary_data), age(item.metadata.creation_timestamp, now)]


def _secret(item: Secret, now: datetime) -> Cells:
    return [item.metadata.name, item.type, len(item.data), age(item.metadata.creation_timestamp, now)]


def _event(item: Event, now: datetime) -> Cells:
    last = item.last_timestamp or item.first_timestamp or item.metadata.creation_timestamp
    seen = age(last, now)
    if item.count > 1 and item.first_timestamp is not None:
        seen = f"{seen} (x{item.count} over {age(item.first_timestamp, now)})"
    about = f"{item.involved_object.kind.lower()}/{item.involved_object.name}"
    source = ", ".join(filter(None, (item.source.component, item.source.host)))
    wide = [item.involved_object.field_path, source, age(item.first_timestamp, now), item.count, item.metadata.name]
    return [seen, item.type, item.reason, about, item.message.strip(), *wide]


def _node(item: Node, now: datetime) -> Cells:
    ready = next((one.status for one in item.status.conditions if one.type == "Ready"), "Unknown")
    status = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    if item.spec.unschedulable:
        status += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = ",".join(sorted(name.removeprefix(prefix) for name in item.metadata.labels if name.startswith(prefix)))
    info = item.status.node_info
    addresses = {one.type: one.address for one in reversed(item.status.addresses)}
    wide = [addresses.get("InternalIP", "<none>"), addresses.get("ExternalIP", "<none>")]
    wide += [text or "<unknown>" for text in (info.os_image, info.kernel_version, info.container_runtime_version)]
    since = age(item.metadata.creation_timestamp, now)
    return [item.metadata.name, status, roles or "<none>", since, info.kubelet_version, *wide]


def _containers(spec: PodSpec) -> list[str]:
    return [",".join(one.name for one in spec.containers), ",".join(one.image for one in spec.containers)]


_NUMBERS = frozenset({"Up-to-date", "Available", "Desired", "Current", "Data", "Active", "Count"})
_OF_PODS = ("Containers", "Images", "Selector")
_TABLES: dict[type[Resource], Table] = {
    Pod: Table(
        ("Name", "Ready", "Status", "Restarts", "Age"), ("IP", "Node", "Nominated Node", "Readiness Gates"), _pod
    ),
    ConfigMap: Table(("Name", "Data", "Age"), (), _config_map),
    Secret: Table(("Name", "Type", "Data", "Age"), (), _secret),
    Event: Table(
        ("Last Seen", "Type", "Reason", "Object", "Message"),
        ("Subobject", "Source", "First Seen", "Count", "Name"),
        _event,
    ),
    Node: Table(
        ("Name", "Status", "Roles", "Age", "Version"),
        ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        _node,
    ),
    DaemonSet: Table(
        ("Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"),
        _OF_PODS,
        _daemon_set,
    ),
    Deployment: Table(("Name", "Ready", "Up-to-date", "Available", "Age"), _OF_PODS, _deployment),
    ReplicaSet: Table(("Name", "Desired", "Current", "Ready", "Age"), _OF_PODS, _replica_set),
    CronJob: Table(("Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age"), _OF_PODS, _cron_job),
    Job: Table(("Name", "Status", "Completions", "Duration", "Age"), _OF_PODS, _job),
}

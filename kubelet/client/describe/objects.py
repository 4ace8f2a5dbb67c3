"""Each kind of object, described."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from firkin.kubelet.apiserver.ages import human_duration
from firkin.kubelet.client.describe.containers import containers, volumes
from firkin.kubelet.client.describe.writer import Writer, shown_annotations, when

__all__ = ["describe", "describe_template"]


def describe(value: Mapping[str, Any], events: Sequence[Any], now: datetime) -> str:
    """An object, as the API has it, and the events that are about it."""
    out = Writer()
    metadata = value["metadata"]
    out.line(0, "Name:", metadata["name"])
    if metadata.get("namespace"):
        out.line(0, "Namespace:", metadata["namespace"])
    _BY_KIND.get(value["kind"], _plain)(out, value)
    _events(out, events, now)
    return out.text()


def describe_template(template: Mapping[str, Any]) -> str:
    """What the pods of a workload are like."""
    out = Writer()
    _template(out, template)
    return out.text()


def _about(out: Writer, value: Mapping[str, Any]) -> None:
    metadata = value["metadata"]
    out.mapping(0, "Labels:", metadata.get("labels") or {})
    out.mapping(0, "Annotations:", shown_annotations(metadata.get("annotations") or {}), ": ")


def _owner(out: Writer, value: Mapping[str, Any]) -> None:
    for one in value["metadata"].get("ownerReferences", ()):
        if one.get("controller"):
            out.line(0, "Controlled By:", f"{one['kind']}/{one['name']}")


def _pod(out: Writer, value: Mapping[str, Any]) -> None:
    spec, status, metadata = value["spec"], value.get("status", {}), value["metadata"]
    out.line(0, "Priority:", spec.get("priority", 0))
    for title, name in (("Priority Class Name:", "priorityClassName"), ("Runtime Class Name:", "runtimeClassName")):
        if spec.get(name):
            out.line(0, title, spec[name])
    if spec.get("serviceAccountName"):
        out.line(0, "Service Account:", spec["serviceAccountName"])
    out.line(0, "Node:", f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else "<none>")
    if status.get("startTime"):
        out.line(0, "Start Time:", when(status["startTime"]))
    _about(out, value)
    if metadata.get("deletionTimestamp"):
        end = datetime.fromisoformat(metadata["deletionTimestamp"].replace("Z", "+00:00"))
        late = human_duration(max((datetime.now(UTC) - end).total_seconds(), 0))
        out.line(0, "Status:", f"Terminating (lasts {late})")
        out.line(0, "Termination Grace Period:", f"{metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        out.line(0, "Status:", status.get("phase", ""))
    for title, name in (("Reason:", "reason"), ("Message:", "message")):
        if status.get(name):
            out.line(0, title, status[name])
    out.line(0, "IP:", status.get("podIP", ""))
    addresses = [one["ip"] for one in status.get("podIPs", ())]
    if addresses:
        out.line(0, "IPs:")
        for address in addresses:
            out.line(1, "IP:", address)
    else:
        out.line(0, "IPs:", "<none>")
    _owner(out, value)
    _pod_parts(out, spec, status)


def _pod_parts(out: Writer, spec: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    for title, name in (
        ("Init Containers", "initContainers"),
        ("Containers", "containers"),
        ("Ephemeral Containers", "ephemeralContainers"),
    ):
        containers(out, 0, title, spec.get(name, ()), status.get(f"{name[:-1]}Statuses", ()))
    conditions = status.get("conditions", ())
    if conditions:
        out.line(0, "Conditions:")
        out.line(1, "Type", "Status")
        for one in conditions:
            out.line(1, one["type"], one["status"])
    volumes(out, 0, spec.get("volumes", ()))
    out.line(0, "QoS Class:", status.get("qosClass", ""))
    _scheduling(out, 0, spec)


def _scheduling(out: Writer, level: int, spec: Mapping[str, Any]) -> None:
    out.mapping(level, "Node-Selectors:", spec.get("nodeSelector") or {})
    texts = [_toleration(one) for one in spec.get("tolerations", ())]
    out.texts(level, "Tolerations:", texts)


def _toleration(one: Mapping[str, Any]) -> str:
    text = one.get("key", "")
    if one.get("value"):
        text += f"={one['value']}"
    if one.get("effect"):
        text += f":{one['effect']}"
    if one.get("operator") == "Exists":
        text += " op=Exists"
    seconds = one.get("tolerationSeconds")
    return f"{text} for {seconds}s" if seconds is not None else text


def _template(out: Writer, template: Mapping[str, Any]) -> None:
    out.line(0, "Pod Template:")
    metadata, spec = template.get("metadata", {}), template["spec"]
    out.mapping(1, "Labels:", metadata.get("labels") or {})
    if metadata.get("annotations"):
        out.mapping(1, "Annotations:", shown_annotations(metadata["annotations"]), ": ")
    containers(out, 1, "Init Containers", spec.get("initContainers", ()), None)
    containers(out, 1, "Containers", spec.get("containers", ()), None)
    volumes(out, 1, spec.get("volumes", ()))
    _scheduling(out, 1, spec)


def _selector(value: Mapping[str, Any]) -> str:
    labels = (value["spec"].get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={text}" for name, text in sorted(labels.items())) or "<none>"


def _deployment(out: Writer, value: Mapping[str, Any]) -> None:
    spec, status = value["spec"], value.get("status", {})
    out.line(0, "CreationTimestamp:", when(value["metadata"].get("creationTimestamp")))
    _about(out, value)
    out.line(0, "Selector:", _selector(value))
    counts = [(spec.get("replicas", 1), "desired"), (status.get("updatedReplicas", 0), "updated")]
    counts += [(status.get(f"{name}Replicas" if name else "replicas", 0), text) for name, text in _COUNTS]
    out.line(0, "Replicas:", " | ".join(f"{count} {text}" for count, text in counts))
    strategy = spec.get("strategy", {})
    out.line(0, "StrategyType:", strategy.get("type", "RollingUpdate"))
    out.line(0, "MinReadySeconds:", spec.get("minReadySeconds", 0))
    if rolling := strategy.get("rollingUpdate"):
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        out.line(0, "RollingUpdateStrategy:", text)
    _template(out, spec["template"])
    if status.get("conditions"):
        out.line(0, "Conditions:")
        out.line(1, "Type", "Status", "Reason")
        out.line(1, "----", "------", "------")
        for one in status["conditions"]:
            out.line(1, one["type"], one["status"], one.get("reason", ""))


_COUNTS = (("", "total"), ("available", "available"), ("unavailable", "unavailable"))


def _daemon_set(out: Writer, value: Mapping[str, Any]) -> None:
    spec, status = value["spec"], value.get("status", {})
    out.line(0, "Selector:", _selector(value))
    out.mapping(0, "Node-Selector:", spec["template"]["spec"].get("nodeSelector") or {})
    _about(out, value)
    for title, name in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        out.line(0, f"{title}: {status.get(name, 0)}")
    _template(out, spec["template"])


def _job(out: Writer, value: Mapping[str, Any]) -> None:
    spec, status = value["spec"], value.get("status", {})
    out.line(0, "Selector:", _selector(value))
    _about(out, value)
    _owner(out, value)
    for title, name, default in (
        ("Parallelism:", "parallelism", "<unset>"),
        ("Completions:", "completions", "<unset>"),
        ("Completion Mode:", "completionMode", "NonIndexed"),
        ("Suspend:", "suspend", False),
        ("Backoff Limit:", "backoffLimit", 6),
    ):
        shown = spec.get(name, default)
        out.line(0, title, str(shown).lower() if isinstance(shown, bool) else shown)
    for title, name in (("Start Time:", "startTime"), ("Completed At:", "completionTime")):
        if status.get(name):
            out.line(0, title, when(status[name]))
    if status.get("startTime") and status.get("completionTime"):
        first, last = (
            datetime.fromisoformat(status[name].replace("Z", "+00:00")) for name in ("startTime", "completionTime")
        )
        out.line(0, "Duration:", human_duration((last - first).total_seconds()))
    if spec.get("activeDeadlineSeconds") is not None:
        out.line(0, "Active Deadline Seconds:", f"{spec['activeDeadlineSeconds']}s")
    counts = (
        f"{status.get('active', 0)} Active ({status.get('ready', 0)} Ready) / {status.get('succeeded', 0)} Succeeded"
    )
    out.line(0, "Pods Statuses:", f"{counts} / {status.get('failed', 0)} Failed")
    if spec.get("completionMode") == "Indexed":
        out.line(0, "Completed Indexes:", status.get("completedIndexes") or "<none>")
    _template(out, spec["template"])


def _cron_job(out: Writer, value: Mapping[str, Any]) -> None:
    spec, status = value["spec"], value.get("status", {})
    _about(out, value)
    out.line(0, "Schedule:", spec["schedule"])
    out.line(0, "Time Zone:", spec.get("timeZone") or "<unset>")
    out.line(0, "Concurrency Policy:", spec.get("concurrencyPolicy", "Allow"))
    out.line(0, "Suspend:", str(spec.get("suspend", False)))
    out.line(0, "Successful Job History Limit:", spec.get("successfulJobsHistoryLimit", 3))
    out.line(0, "Failed Job History Limit:", spec.get("failedJobsHistoryLimit", 1))
    deadline = spec.get("startingDeadlineSeconds")
    out.line(0, "Starting Deadline Seconds:", "<unset>" if deadline is None else f"{deadline}s")
    _template(out, spec["jobTemplate"]["spec"]["template"])
    out.line(0, "Last Schedule Time:", when(status.get("lastScheduleTime")))
    out.line(0, "Active Jobs:", ", ".join(one["name"] for one in status.get("active", ())) or "<none>")


def _config_map(out: Writer, value: Mapping[str, Any]) -> None:
    _about(out, value)
    out.line(0, "")
    out.line(0, "Data")
    out.line(0, "====")
    for key, text in sorted((value.get("data") or {}).items()):
        for line in (f"{key}:", "----", *text.split("\n"), ""):
            out.line(0, line)
    out.line(0, "")
    out.line(0, "BinaryData")
    out.line(0, "====")
    for key, text in sorted((value.get("binaryData") or {}).items()):
        out.line(0, f"{key}: {_bytes(text)} bytes")
    out.line(0, "")


def _secret(out: Writer, value: Mapping[str, Any]) -> None:
    _about(out, value)
    out.line(0, "")
    out.line(0, "Type:", value.get("type", "Opaque"))
    out.line(0, "")
    out.line(0, "Data")
    out.line(0, "====")
    # What is secret is not shown.
    for key, text in sorted((value.get("data") or {}).items()):
        out.line(0, f"{key}:", f"{_bytes(text)} bytes")


def _bytes(text: str) -> int:
    return len(text) // 4 * 3 - text[-2:].count("=")


def _node(out: Writer, value: Mapping[str, Any]) -> None:
    status = value.get("status", {})
    _about(out, value)
    out.line(0, "CreationTimestamp:", when(value["metadata"].get("creationTimestamp")))
    if status.get("conditions"):
        out.line(0, "Conditions:")
        out.line(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
        out.line(1, "----", "------", "------------------", "------", "-------")
        for one in status["conditions"]:
            changed = when(one.get("lastTransitionTime"))
            out.line(1, one["type"], one["status"], changed, one.get("reason", ""), one.get("message", ""))
    for title, name in (("Addresses:", "addresses"),):
        out.line(0, title)
        for one in status.get(name, ()):
            out.line(1, f"{one['type']}:", one["address"])
    for title, name in (("Capacity:", "capacity"), ("Allocatable:", "allocatable")):
        out.line(0, title)
        for key, amount in sorted((status.get(name) or {}).items()):
            out.line(1, f"{key}:", amount)
    out.line(0, "System Info:")
    for key, text in (status.get("nodeInfo") or {}).items():
        out.line(1, f"{key}:", text)


def _plain(out: Writer, value: Mapping[str, Any]) -> None:
    _about(out, value)


def _events(out: Writer, events: Sequence[Any], now: datetime) -> None:
    if not events:
        out.line(0, "Events:", "<none>")
        return
    out.line(0, "Events:")
    out.line(1, "Type", "Reason", "Age", "From", "Message")
    out.line(1, "----", "------", "----", "----", "-------")
    for event in sorted(events, key=lambda one: str(one.get("lastTimestamp", ""))):
        source = event.get("source", {}).get("component", "")
        message = event.get("message", "").strip()
        out.line(1, event.get("type", ""), event.get("reason", ""), _age(event, now), source, message)


def _age(event: Mapping[str, Any], now: datetime) -> str:
    def since(name: str) -> str:
        text = event.get(name)
        if not text:
            return "<unknown>"
        return human_duration((now - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds())

    count = event.get("count", 1)
    return (
        f"{since('lastTimestamp')} (x{count} over {since('firstTimestamp')})" if count > 1 else since("lastTimestamp")
    )


_BY_KIND: dict[str, Callable[[Writer, Mapping[str, Any]], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Node": _node,
}

"""Values of fieldRef and resourceFieldRef (core/v1, ObjectFieldSelector, ResourceFieldSelector)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from firkin.kubelet.api.container import Container
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.quantity import Quantity, milli, parse_quantity, whole
from firkin.kubelet.api.volume import ResourceFieldSelector
from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.environment.quote import map_text

__all__ = ["field_value", "resource_value"]

_METADATA: Mapping[str, Callable[[Pod], str]] = {
    "metadata.name": lambda pod: pod.metadata.name,
    "metadata.namespace": lambda pod: pod.metadata.namespace,
    "metadata.uid": lambda pod: pod.metadata.uid,
    "metadata.labels": lambda pod: map_text(pod.metadata.labels),
    "metadata.annotations": lambda pod: map_text(pod.metadata.annotations),
}
_SURROUNDINGS: Mapping[str, Callable[[Pod, Facts], str]] = {
    "spec.nodeName": lambda pod, facts: pod.spec.node_name,
    "spec.serviceAccountName": lambda pod, facts: pod.spec.service_account_name,
    "status.hostIP": lambda pod, facts: facts.host_ips[0] if facts.host_ips else "",
    "status.hostIPs": lambda pod, facts: ",".join(facts.host_ips),
    "status.podIP": lambda pod, facts: facts.pod_ips[0] if facts.pod_ips else "",
    "status.podIPs": lambda pod, facts: ",".join(facts.pod_ips),
}
_DEFAULTED = ("cpu", "memory", "ephemeral-storage")


def field_value(pod: Pod, path: str, facts: Facts) -> str:
    """The field `path` of the pod, such as metadata.labels['app'], as text. Raises VariableError for others."""
    if path in _METADATA:
        return _METADATA[path](pod)
    if path in _SURROUNDINGS:
        return _SURROUNDINGS[path](pod, facts)
    whole_map, _, rest = path.partition("['")
    if rest.endswith("']") and whole_map in ("metadata.labels", "metadata.annotations"):
        values = pod.metadata.labels if whole_map == "metadata.labels" else pod.metadata.annotations
        return values.get(rest[:-2], "")
    raise VariableError(f"unsupported fieldPath: {path}")


def resource_value(pod: Pod, container: Container | None, selector: ResourceFieldSelector, facts: Facts) -> str:
    """A request or limit in whole units of the divisor, rounded up.

    Parameters: `container` is whose it is where the selector names none. A limit that is not set is the pod's, or else
    what the node has. Raises VariableError for an unknown container or resource.
    """
    owner = _owner(pod, container, selector.container_name)
    kind, _, resource = selector.resource.partition(".")
    if kind not in ("limits", "requests") or not (resource in _DEFAULTED or resource.startswith("hugepages-")):
        raise VariableError(f"unsupported container resource : {selector.resource}")
    said = getattr(owner.resources, kind).get(resource, 0)
    if kind == "limits" and resource in _DEFAULTED and not parse_quantity(said):
        of_pod = pod.spec.resources.limits if pod.spec.resources else {}
        said = of_pod.get(resource, facts.allocatable.get(resource, 0))
    return str(_in_units(said, selector.divisor, milli if resource == "cpu" else whole))


def _owner(pod: Pod, container: Container | None, name: str) -> Container:
    if not name and container:
        return container
    for one in (*pod.spec.containers, *pod.spec.init_containers):
        if one.name == name:
            return one
    raise VariableError(f"container {name} not found")


def _in_units(value: Quantity, divisor: Quantity, count: Callable[[Quantity], int]) -> int:
    return ceil(count(value) / (count(divisor) or count(1)))

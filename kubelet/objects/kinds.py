"""The kinds of objects that the agent has, with the names that the Kubernetes API and kubectl know them by."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.event import Event
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.node import Node
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job, ReplicaSet

__all__ = ["KINDS", "Kind", "T", "kind_of", "named"]

T = TypeVar("T", bound=Resource)


class Kind(NamedTuple):
    """One kind. `group` is "" for the core; `short` are kubectl's abbreviations."""

    type: type[Resource]
    name: str
    plural: str
    group: str
    version: str = "v1"
    short: tuple[str, ...] = ()
    namespaced: bool = True
    in_all: bool = False
    has_status: bool = True

    @property
    def api_version(self) -> str:
        """As objects have it: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The name of one, as it is in `pod/web`."""
        return self.name.lower()

    @property
    def resource(self) -> str:
        """The name in messages: `pods`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KINDS = (
    Kind(Pod, "Pod", "pods", "", short=("po",), in_all=True),
    Kind(ConfigMap, "ConfigMap", "configmaps", "", short=("cm",), has_status=False),
    Kind(Secret, "Secret", "secrets", "", has_status=False),
    Kind(Event, "Event", "events", "", short=("ev",), has_status=False),
    Kind(Node, "Node", "nodes", "", short=("no",), namespaced=False),
    Kind(DaemonSet, "DaemonSet", "daemonsets", "apps", short=("ds",), in_all=True),
    Kind(Deployment, "Deployment", "deployments", "apps", short=("deploy",), in_all=True),
    Kind(ReplicaSet, "ReplicaSet", "replicasets", "apps", short=("rs",), in_all=True),
    Kind(CronJob, "CronJob", "cronjobs", "batch", short=("cj",), in_all=True),
    Kind(Job, "Job", "jobs", "batch", in_all=True),
)
_BY_TYPE = {kind.type: kind for kind in KINDS}
_BY_NAME = {(kind.api_version, kind.name): kind for kind in KINDS}


def kind_of(type_: type[Resource]) -> Kind:
    """What is known of the kind that a type is of."""
    return _BY_TYPE[type_]


def named(api_version: str, name: str) -> Kind | None:
    """The kind that a document names in `apiVersion` and `kind`."""
    return _BY_NAME.get((api_version, name))

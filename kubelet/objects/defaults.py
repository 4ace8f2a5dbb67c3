"""What an object means by what it does not say: as the API server of Kubernetes completes it.

Defaults that do not depend on anything are those of the structures themselves (`firkin.kubelet.api`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

import msgspec

from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.container import Container, ContainerPort, EphemeralContainer, ResourceRequirements
from firkin.kubelet.api.meta import LabelSelector, Resource
from firkin.kubelet.api.pod import Pod, PodSpec, PodTemplateSpec
from firkin.kubelet.api.workload import (
    CronJob,
    DaemonSet,
    Deployment,
    DeploymentStrategy,
    Job,
    JobSpec,
    ReplicaSet,
    RollingUpdate,
)
from firkin.kubelet.objects.kinds import T, kind_of

__all__ = ["complete", "complete_job", "pull_policy"]

_replace = msgspec.structs.replace


def complete(item: T, namespace: str = "default", node: str = "") -> T:
    """The object with its defaults. `namespace` is that of the request, `node` the name of this node."""
    if kind_of(type(item)).namespaced:
        metadata = _replace(item.metadata, namespace=item.metadata.namespace or namespace)
    else:
        metadata = _replace(item.metadata, namespace="")
    completed = _replace(item, metadata=metadata)
    function = _BY_KIND.get(type(item))
    if function is None:
        return completed
    return cast("T", function(completed, node) if type(item) is Pod else function(completed))


def pull_policy(image: str) -> str:
    """When an image is pulled if nothing is said: always if its tag is `latest`, by name or because it has none."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if not digest and tag in ("", "latest") else "IfNotPresent"


def complete_job(job: Job, uid: str) -> Job:
    """A Job with the selector and the labels that find its own pods, by the uid that it has now."""
    if job.spec.manual_selector or job.spec.selector is not None:
        return job
    own = {"batch.kubernetes.io/controller-uid": uid}
    labels = {
        **job.spec.template.metadata.labels,
        **own,
        "batch.kubernetes.io/job-name": job.metadata.name,
        "controller-uid": uid,
        "job-name": job.metadata.name,
    }
    template = _replace(job.spec.template, metadata=_replace(job.spec.template.metadata, labels=labels))
    return _replace(job, spec=_replace(job.spec, selector=LabelSelector(match_labels=own), template=template))


def _pod(pod: Pod, node: str) -> Pod:
    spec = _pod_spec(pod.spec)
    return _replace(pod, spec=_replace(spec, node_name=spec.node_name or node))


def _pod_spec(spec: PodSpec) -> PodSpec:
    container = functools.partial(_container, on_host=spec.host_network)
    account = spec.service_account_name or spec.service_account
    return _replace(
        spec,
        containers=[container(one) for one in spec.containers],
        init_containers=[container(one) for one in spec.init_containers],
        ephemeral_containers=[cast("EphemeralContainer", container(one)) for one in spec.ephemeral_containers],
        service_account_name=account,
        service_account=account,
        enable_service_links=True if spec.enable_service_links is None else spec.enable_service_links,
        scheduler_name=spec.scheduler_name or "default-scheduler",
        priority=0 if spec.priority is None and not spec.priority_class_name else spec.priority,
        volumes=[_volume(volume) for volume in spec.volumes],
    )


def _container(container: Container, *, on_host: bool) -> Container:
    resources = container.resources
    requests = {**resources.limits, **resources.requests}
    return _replace(
        container,
        image_pull_policy=container.image_pull_policy or pull_policy(container.image),
        resources=ResourceRequirements(limits=resources.limits, requests=requests),
        ports=[_port(port, on_host=on_host) for port in container.ports],
    )


def _port(port: ContainerPort, *, on_host: bool) -> ContainerPort:
    return _replace(port, host_port=port.container_port) if on_host and not port.host_port else port


def _volume(volume: Any) -> Any:
    if volume.image is not None and not volume.image.pull_policy:
        policy = pull_policy(volume.image.reference)
        return _replace(volume, image=_replace(volume.image, pull_policy=policy))
    if all(getattr(volume, field) is None for field in volume.__struct_fields__ if field != "name"):
        from firkin.kubelet.api.volume import EmptyDirVolumeSource

        return _replace(volume, empty_dir=EmptyDirVolumeSource())
    return volume


def _template(template: PodTemplateSpec) -> PodTemplateSpec:
    return _replace(template, spec=_pod_spec(template.spec))


def _secret(secret: Secret) -> Secret:
    written = {key: value.encode() for key, value in secret.string_data.items()}
    return _replace(secret, data={**secret.data, **written}, string_data={})


def _deployment(item: Deployment) -> Deployment:
    strategy = item.spec.strategy
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update or RollingUpdate()
        most = "25%" if rolling.max_surge is None else rolling.max_surge
        fewest = "25%" if rolling.max_unavailable is None else rolling.max_unavailable
        strategy = _replace(strategy, rolling_update=RollingUpdate(max_surge=most, max_unavailable=fewest))
    return _replace(item, spec=_replace(item.spec, strategy=strategy, template=_template(item.spec.template)))


def _replica_set(item: ReplicaSet) -> ReplicaSet:
    return _replace(item, spec=_replace(item.spec, template=_template(item.spec.template)))


def _daemon_set(item: DaemonSet) -> DaemonSet:
    strategy = item.spec.update_strategy
    if strategy.type == "RollingUpdate":
        rolling = strategy.rolling_update or RollingUpdate()
        most = 0 if rolling.max_surge is None else rolling.max_surge
        fewest = 1 if rolling.max_unavailable is None else rolling.max_unavailable
        strategy = DeploymentStrategy(rolling_update=RollingUpdate(max_surge=most, max_unavailable=fewest))
    return _replace(item, spec=_replace(item.spec, update_strategy=strategy, template=_template(item.spec.template)))


def _job_spec(spec: JobSpec) -> JobSpec:
    completions = spec.completions
    if completions is None and spec.parallelism is None:
        completions = 1
    return _replace(
        spec,
        completions=completions,
        parallelism=1 if spec.parallelism is None else spec.parallelism,
        backoff_limit=_backoff_limit(spec),
        completion_mode=spec.completion_mode or "NonIndexed",
        suspend=bool(spec.suspend),
        pod_replacement_policy=spec.pod_replacement_policy
        or ("Failed" if spec.pod_failure_policy else "TerminatingOrFailed"),
        template=_template(spec.template),
    )


def _backoff_limit(spec: JobSpec) -> int:
    if spec.backoff_limit is not None:
        return spec.backoff_limit
    # Where each index has a limit of its own there is none for all.
    return 6 if spec.backoff_limit_per_index is None else (1 << 31) - 1


def _job(item: Job) -> Job:
    return _replace(item, spec=_job_spec(item.spec))


def _cron_job(item: CronJob) -> CronJob:
    template = _replace(item.spec.job_template, spec=_job_spec(item.spec.job_template.spec))
    return _replace(item, spec=_replace(item.spec, job_template=template))


_BY_KIND: dict[type[Resource], Callable[..., Resource]] = {
    Pod: _pod,
    Secret: _secret,
    Deployment: _deployment,
    ReplicaSet: _replica_set,
    DaemonSet: _daemon_set,
    Job: _job,
    CronJob: _cron_job,
}

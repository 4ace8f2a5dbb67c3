"""What makes pods: Deployments, ReplicaSets, DaemonSets (apps/v1), Jobs, CronJobs (batch/v1)."""

from __future__ import annotations

from datetime import datetime

from firkin.kubelet.api.meta import Condition, LabelSelector, ObjectMeta, Resource
from firkin.kubelet.api.pod import PodTemplateSpec
from firkin.kubelet.api.probe import IntOrString
from firkin.kubelet.api.struct import Object, always

__all__ = [
    "CronJob",
    "CronJobSpec",
    "CronJobStatus",
    "DaemonSet",
    "DaemonSetSpec",
    "DaemonSetStatus",
    "Deployment",
    "DeploymentSpec",
    "DeploymentStatus",
    "DeploymentStrategy",
    "Job",
    "JobSpec",
    "JobStatus",
    "JobTemplateSpec",
    "ObjectReference",
    "PodFailurePolicy",
    "PodFailurePolicyOnExitCodesRequirement",
    "PodFailurePolicyOnPodConditionsPattern",
    "PodFailurePolicyRule",
    "ReplicaSet",
    "ReplicaSetSpec",
    "ReplicaSetStatus",
    "RollingUpdate",
    "SuccessPolicy",
    "SuccessPolicyRule",
    "UncountedTerminatedPods",
]


class RollingUpdate(Object, frozen=True):
    """How many pods more and fewer than wanted there may be meanwhile: a number or a percentage."""

    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None


class DeploymentStrategy(Object, frozen=True):
    """`type` is RollingUpdate or Recreate (of DaemonSets OnDelete)."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Object, frozen=True):
    """`replicas` pods, all on this node."""

    selector: LabelSelector
    template: PodTemplateSpec
    replicas: int = 1
    strategy: DeploymentStrategy = DeploymentStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    paused: bool = False
    progress_deadline_seconds: int = 600


class DeploymentStatus(Object, frozen=True):
    """What became of it."""

    observed_generation: int | None = None
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    conditions: list[Condition] = []


class Deployment(Resource, frozen=True, kw_only=True):
    """Pods that are replaced when they fail or when the template changes."""

    spec: DeploymentSpec
    api_version: str = always("apps/v1")
    kind: str = always("Deployment")
    status: DeploymentStatus = DeploymentStatus()


class ReplicaSetSpec(Object, frozen=True):
    """`replicas` pods, as they are when they are made."""

    selector: LabelSelector
    template: PodTemplateSpec = PodTemplateSpec()
    replicas: int = 1
    min_ready_seconds: int = 0


class ReplicaSetStatus(Object, frozen=True):
    """What became of it."""

    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    observed_generation: int | None = None
    conditions: list[Condition] = []


class ReplicaSet(Resource, frozen=True, kw_only=True):
    """One revision of a Deployment, or pods of their own."""

    spec: ReplicaSetSpec
    api_version: str = always("apps/v1")
    kind: str = always("ReplicaSet")
    status: ReplicaSetStatus = ReplicaSetStatus()


class DaemonSetSpec(Object, frozen=True):
    """One pod on each node: one."""

    selector: LabelSelector
    template: PodTemplateSpec
    update_strategy: DeploymentStrategy = DeploymentStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10


class DaemonSetStatus(Object, frozen=True, omit_defaults=False):
    """What became of it."""

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    observed_generation: int | None = None


class DaemonSet(Resource, frozen=True, kw_only=True):
    """A pod for each node."""

    spec: DaemonSetSpec
    api_version: str = always("apps/v1")
    kind: str = always("DaemonSet")
    status: DaemonSetStatus = DaemonSetStatus()


class PodFailurePolicyOnExitCodesRequirement(Object, frozen=True):
    """Exit codes of a container, or of any; `operator` is In or NotIn."""

    operator: str
    values: list[int] = []
    container_name: str | None = None


class PodFailurePolicyOnPodConditionsPattern(Object, frozen=True):
    """A condition that a pod has."""

    type: str
    status: str = "True"


class PodFailurePolicyRule(Object, frozen=True):
    """`action` is FailJob, FailIndex, Ignore or Count: what becomes of a pod that failed like this."""

    action: str
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: list[PodFailurePolicyOnPodConditionsPattern] = []


class PodFailurePolicy(Object, frozen=True):
    """The first rule that matches counts."""

    rules: list[PodFailurePolicyRule] = []


class SuccessPolicyRule(Object, frozen=True):
    """Which indexes must succeed, or how many of them: such as 0,2-4."""

    succeeded_indexes: str | None = None
    succeeded_count: int | None = None


class SuccessPolicy(Object, frozen=True):
    """One rule is enough."""

    rules: list[SuccessPolicyRule] = []


class JobSpec(Object, frozen=True):
    """Pods until `completions` of them succeeded."""

    template: PodTemplateSpec
    parallelism: int | None = None
    completions: int | None = None
    active_deadline_seconds: int | None = None
    backoff_limit: int | None = None
    selector: LabelSelector | None = None
    manual_selector: bool | None = None
    ttl_seconds_after_finished: int | None = None
    completion_mode: str | None = None
    suspend: bool | None = None
    pod_replacement_policy: str | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None


class UncountedTerminatedPods(Object, frozen=True):
    """Pods, by uid, that have ended and are not in the counts yet."""

    succeeded: list[str] = []
    failed: list[str] = []


class JobStatus(Object, frozen=True):
    """What became of it."""

    conditions: list[Condition] = []
    start_time: datetime | None = None
    completion_time: datetime | None = None
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    ready: int | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None


class Job(Resource, frozen=True, kw_only=True):
    """Work that ends."""

    spec: JobSpec
    api_version: str = always("batch/v1")
    kind: str = always("Job")
    status: JobStatus = JobStatus()


class JobTemplateSpec(Object, frozen=True):
    """What the Jobs of a CronJob are like."""

    spec: JobSpec
    metadata: ObjectMeta = ObjectMeta()


class CronJobSpec(Object, frozen=True):
    """`schedule` is five fields as in crontab(5), or @hourly and the like."""

    schedule: str
    job_template: JobTemplateSpec
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = "Allow"
    suspend: bool = False
    successful_jobs_history_limit: int = 3
    failed_jobs_history_limit: int = 1


class ObjectReference(Object, frozen=True):
    """Another object."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


class CronJobStatus(Object, frozen=True):
    """What became of it."""

    active: list[ObjectReference] = []
    last_schedule_time: datetime | None = None
    last_successful_time: datetime | None = None


class CronJob(Resource, frozen=True, kw_only=True):
    """Jobs at set times."""

    spec: CronJobSpec
    api_version: str = always("batch/v1")
    kind: str = always("CronJob")
    status: CronJobStatus = CronJobStatus()

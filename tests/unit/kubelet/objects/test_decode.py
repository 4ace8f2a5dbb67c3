"""Objects are decoded with every fault named, and completed as the API server completes them."""

from __future__ import annotations

import pytest

from firkin.errors import ConfigError
from firkin.kubelet.api.config import Secret
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.workload import CronJob, DaemonSet, Deployment, Job
from firkin.kubelet.objects.decode import decode_document
from firkin.kubelet.objects.defaults import complete, complete_job, pull_policy
from firkin.kubelet.objects.documents import read_documents

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  creationTimestamp: null
  managedFields: [{manager: x}]
spec:
  affinity: {nodeAffinity: {}}
  containers:
  - name: web
    image: registry.example:5000/web
    resources: {limits: {memory: 64Mi, cpu: 1}, requests: {cpu: 0.5}}
    ports: [{containerPort: 80}]
  volumes:
  - name: scratch
  - name: files
    image: {reference: "files:1"}
"""
TEMPLATE = "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: 'c:1'}]}}"


def decoded(text: str) -> Resource:
    (document,) = read_documents(text.encode(), "x.yaml")
    made, unknown = decode_document(document)
    assert unknown == []
    return complete(made, node="node")


def test_a_pod_is_decoded_and_completed() -> None:
    pod = decoded(POD)
    assert isinstance(pod, Pod)
    assert (pod.metadata.namespace, pod.spec.node_name) == ("default", "node")
    (container,) = pod.spec.containers
    assert container.image_pull_policy == "Always"
    assert container.resources.requests == {"memory": "64Mi", "cpu": 0.5}
    assert container.ports[0].host_port == 0
    scratch, files = pod.spec.volumes
    assert scratch.empty_dir is not None
    assert files.image is not None and files.image.pull_policy == "IfNotPresent"
    on_host = decoded(POD.replace("  affinity", "  hostNetwork: true\n  affinity"))
    assert isinstance(on_host, Pod) and on_host.spec.containers[0].ports[0].host_port == 80


def test_unknown_fields_are_named_and_the_rest_goes_on() -> None:
    text = POD.replace("name: web\n  cre", "name: web\n  owner: me\n  cre").replace(
        "image: reg", "imge: x\n    image: reg"
    )
    (document,) = read_documents(text.encode(), "x.yaml")
    made, unknown = decode_document(document)
    assert unknown == ["metadata.owner", "spec.containers[0].imge"]
    assert [document.place(path) for path in unknown] == ["x.yaml:6:3", "x.yaml:13:5"]
    assert isinstance(made, Pod) and made.spec.containers[0].image == "registry.example:5000/web"


def test_all_faults_of_form_are_told_at_once() -> None:
    text = """
apiVersion: v1
kind: Pod
metadata: {name: 5, labels: {a: true}, creationTimestamp: yesterday}
spec:
  hostNetwork: "yes"
  terminationGracePeriodSeconds: 1.5
  containers:
  - {image: x, command: sh, ports: [{}], env: {A: b}, livenessProbe: []}
"""
    (document,) = read_documents(text.encode(), "x.yaml")
    with pytest.raises(ConfigError) as caught:
        decode_document(document)
    message = str(caught.value)
    assert message.startswith("x.yaml:4:12: metadata.name: must be text, not 5 (quotes make it text)")
    for fault in (
        "metadata.labels[a]: must be text, not true",
        "metadata.creationTimestamp: must be a time such as",
        "spec.hostNetwork: must be true or false, not 'yes' (x.yaml:6:3)",
        "spec.terminationGracePeriodSeconds: must be a whole number, not 1.5",
        "spec.containers[0].command: must be a list, not 'sh'",
        "spec.containers[0].ports[0].containerPort: Required value",
        "spec.containers[0].env: must be a list, not a mapping",
        "spec.containers[0].livenessProbe: must be a mapping, not a list",
        "spec.containers[0].name: Required value",
    ):
        assert fault in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Pod", "apiVersion: is missing"),
        ("apiVersion: v1", "kind: is missing"),
        ("apiVersion: v1\nkind: 5", "x.yaml:2:1: kind: is no text"),
        ("apiVersion: v1\nkind: Service", 'no matches for kind "Service" in version "v1" (there are Pod, '),
        ("apiVersion: v1\nkind: Deployment", "Deployment is of version 'apps/v1'"),
    ],
)
def test_what_is_no_kind_is_named(text: str, message: str) -> None:
    (document,) = read_documents(text.encode(), "x.yaml")
    with pytest.raises(ConfigError) as caught:
        decode_document(document)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("localhost:5000/web", "Always"),
        ("web:1", "IfNotPresent"),
        ("localhost:5000/web:1", "IfNotPresent"),
        ("web@sha256:00", "IfNotPresent"),
        ("web:latest@sha256:00", "IfNotPresent"),
    ],
)
def test_what_is_latest_is_pulled(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_a_secret_takes_in_its_text() -> None:
    text = "apiVersion: v1\nkind: Secret\ndata: {a: aGk=, b: aGk=}\nstringData: {b: you}\n"
    secret = decoded(text)
    assert isinstance(secret, Secret)
    assert (secret.data, secret.string_data) == ({"a": b"hi", "b": b"you"}, {})
    with pytest.raises(ConfigError, match="data\\[a\\]: is not base64"):
        decoded(text.replace("aGk=", "hi!"))


def test_workloads_are_completed() -> None:
    selector = "selector: {matchLabels: {app: x}}"
    deployment = decoded(f"apiVersion: apps/v1\nkind: Deployment\nspec: {{{selector}, {TEMPLATE}}}")
    assert isinstance(deployment, Deployment)
    rolling = deployment.spec.strategy.rolling_update
    assert rolling is not None and (rolling.max_surge, rolling.max_unavailable) == ("25%", "25%")
    assert deployment.spec.template.spec.containers[0].image_pull_policy == "IfNotPresent"
    daemons = decoded(f"apiVersion: apps/v1\nkind: DaemonSet\nspec: {{{selector}, {TEMPLATE}}}")
    assert isinstance(daemons, DaemonSet)
    rolling = daemons.spec.update_strategy.rolling_update
    assert rolling is not None and (rolling.max_surge, rolling.max_unavailable) == (0, 1)


def test_jobs_are_completed() -> None:
    job = decoded(f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec: {{{TEMPLATE}}}")
    assert isinstance(job, Job)
    assert (job.spec.completions, job.spec.parallelism, job.spec.backoff_limit) == (1, 1, 6)
    own = complete_job(job, "1234")
    assert own.spec.selector is not None
    assert own.spec.selector.match_labels == {"batch.kubernetes.io/controller-uid": "1234"}
    assert own.spec.template.metadata.labels.items() >= {"app": "x", "job-name": "j", "controller-uid": "1234"}.items()
    queue = decoded(f"apiVersion: batch/v1\nkind: Job\nspec: {{parallelism: 3, {TEMPLATE}}}")
    assert isinstance(queue, Job) and queue.spec.completions is None
    cron = decoded(
        f"apiVersion: batch/v1\nkind: CronJob\nspec: {{schedule: '@hourly', jobTemplate: {{spec: {{{TEMPLATE}}}}}}}"
    )
    assert isinstance(cron, CronJob)
    assert cron.spec.job_template.spec.completion_mode == "NonIndexed"


def test_what_only_a_cluster_has_is_kept_as_it_was_written() -> None:
    claim = "persistentVolumeClaim: {claimName: c, readOnly: true}"
    driver = "csi: {driver: d.example, volumeAttributes: {size: '1'}, nodePublishSecretRef: {name: s}, fsType: null}"
    pod = decoded(POD.replace("- name: scratch", f"- {{name: a, {claim}}}\n  - {{name: b, {driver}}}"))
    assert isinstance(pod, Pod)
    assert pod.spec.volumes[0].persistent_volume_claim == {"claimName": "c", "readOnly": True}
    kept = pod.spec.volumes[1].csi
    assert kept is not None and kept["nodePublishSecretRef"] == {"name": "s"}

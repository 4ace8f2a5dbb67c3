"""What the API server of Kubernetes refuses is refused, in its words and with all faults at once."""

from __future__ import annotations

import pytest

from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.objects.decode import decode
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.objects.documents import read_documents
from firkin.kubelet.objects.kinds import named
from firkin.kubelet.objects.validation.check import InvalidError, check, check_change, check_resize

TEMPLATE = "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: i}]}}"
SELECTOR = "selector: {matchLabels: {app: x}}"


def made(text: str) -> Resource:
    (document,) = read_documents(text.encode(), "x.yaml")
    kind = named(document.value["apiVersion"], document.value["kind"])
    assert kind is not None
    item, problems, _ = decode(document.value, kind.type)
    assert item is not None, problems
    return complete(item)


def pod(spec: str = "", container: str = "", metadata: str = "") -> Resource:
    container = f"containers: [{{<<: {{name: c, image: i}}, {container}}}]"
    return made(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{<<: {{name: web}}, {metadata}}}\nspec: {{{container}, {spec}}}"
    )


def required(terms: str) -> str:
    of_node = f"requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{terms}]}}"
    return f"affinity: {{nodeAffinity: {{{of_node}}}}}"


def deployment(spec: str) -> Resource:
    return made(f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec: {{{spec}, {TEMPLATE}}}")


def faults(item: Resource) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        check(item)
    return [str(fault) for fault in caught.value.faults]


def test_what_is_right_passes() -> None:
    check(pod())
    check(
        pod(
            spec="volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}], dnsPolicy: None, "
            "dnsConfig: {nameservers: ['::1']}, "
            "hostAliases: [{ip: 10.0.0.1, hostnames: [a.b]}], "
            "initContainers: [{name: i, image: i, "
            "restartPolicy: Always, startupProbe: {grpc: {port: 1}}}], "
            "securityContext: {sysctls: [{name: net.core.somaxconn, value: '1'}]}",
            container="ports: [{containerPort: 80, name: http}], volumeMounts: [{name: v, mountPath: /v, subPath: a}], "
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a/b']\"}}}], "
            "lifecycle: {preStop: {sleep: {seconds: 1}}}, readinessProbe: {httpGet: {port: http}, successThreshold: 2}",
        )
    )
    check(deployment(f"{SELECTOR}"))
    check(made(f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: d}}\nspec: {{{SELECTOR}, {TEMPLATE}}}"))


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (pod(metadata="name: Web"), 'metadata.name: Invalid value: "Web": a lowercase RFC 1123 subdomain must consist'),
        (pod(metadata="labels: {a b: c}"), 'metadata.labels: Invalid value: "a b": name part must consist of'),
        (pod(metadata="labels: {a: b c}"), 'metadata.labels: Invalid value: "b c": a valid label must be'),
        (pod(metadata="namespace: A"), 'metadata.namespace: Invalid value: "A": a lowercase RFC 1123 label'),
        (
            pod("restartPolicy: Sometimes"),
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
        ),
        (
            pod("dnsPolicy: None"),
            "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver",
        ),
        (
            pod("activeDeadlineSeconds: 0"),
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647",
        ),
        (
            pod("terminationGracePeriodSeconds: -1"),
            "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater",
        ),
        (pod("hostAliases: [{ip: a}]"), 'spec.hostAliases[0].ip: Invalid value: "a": must be a valid IP address'),
        (pod("hostUsers: false, hostPID: true"), "spec.hostPID: Forbidden: when `hostUsers` is false"),
        (pod("initContainers: [{name: c, image: i}]"), 'spec.containers[0].name: Duplicate value: "c"'),
        (
            pod("initContainers: [{name: i, image: i, livenessProbe: {exec: {command: [a]}}}]"),
            "spec.initContainers[0].livenessProbe: Forbidden",
        ),
        (
            pod("volumes: [{name: v, emptyDir: {}, hostPath: {path: /x}}]"),
            "spec.volumes[0]: Forbidden: may not specify more than 1 volume type",
        ),
        (pod("volumes: [{name: v}, {name: v}]"), 'spec.volumes[1].name: Duplicate value: "v"'),
        (pod("volumes: [{name: v, hostPath: {path: /a/../b}}]"), "spec.volumes[0].hostPath.path: Invalid value"),
        (
            pod("volumes: [{name: v, configMap: {name: c, items: [{key: k, path: ../x}]}}]"),
            "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
        ),
        (
            pod("volumes: [{name: v, emptyDir: {mode: 1024}}]"),
            "spec.volumes[0].emptyDir.mode: Invalid value: 1024: must be a number between 0 and 01777 (octal), both",
        ),
        (
            pod(container="env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: ../x, key: A}}}]"),
            "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
        ),
        (pod(required("")), "nodeSelectorTerms: Required value: must have at least one node selector term"),
        (
            pod(required("{matchExpressions: [{key: a, operator: In}]}")),
            "[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            pod(required("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}")),
            "[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            pod(required("{matchExpressions: [{key: a, operator: Gt, values: ['1', '2']}]}")),
            "[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
        (
            pod(required("{matchFields: [{key: spec.x, operator: Gt, values: ['1']}]}")),
            'matchFields[0].key: Invalid value: "spec.x": not a valid field selector key',
        ),
        (
            pod("volumes: [{name: v, secret: {secretName: s, defaultMode: 512}}]"),
            "spec.volumes[0].secret.defaultMode: Invalid value: 512",
        ),
        (
            pod("volumes: [{name: v, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: spec.x}}]}}]"),
            "spec.volumes[0].downwardAPI.items[0].fieldRef.fieldPath: Unsupported value",
        ),
        (
            pod("volumes: [{name: v, projected: {sources: [{}]}}]"),
            "spec.volumes[0].projected.sources[0]: Required value",
        ),
        (
            pod("securityContext: {seccompProfile: {type: Localhost}}"),
            "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp",
        ),
        (pod("securityContext: {fsGroup: -1}"), "spec.securityContext.fsGroup: Invalid value: -1"),
        (
            pod("hostNetwork: true, securityContext: {sysctls: [{name: net.a, value: '1'}]}"),
            "spec.securityContext.sysctls[0].name: Invalid value",
        ),
        (pod(container="image: ''"), "spec.containers[0].image: Required value"),
        (pod(container="imagePullPolicy: Maybe"), "spec.containers[0].imagePullPolicy: Unsupported value"),
        (
            pod(container="ports: [{containerPort: 70000}]"),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            pod(container="ports: [{containerPort: 1, protocol: X}]"),
            'spec.containers[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
        ),
        (
            pod(container="ports: [{containerPort: 1, hostPort: 1}, {containerPort: 2, hostPort: 1}]"),
            "spec.containers[0].ports[1].hostPort: Duplicate value: 1",
        ),
        (pod(container="env: [{name: 'A=B'}]"), "spec.containers[0].env[0].name: Invalid value"),
        (pod(container="env: [{name: A, valueFrom: {}}]"), "spec.containers[0].env[0].valueFrom: Invalid value"),
        (pod(container="envFrom: [{}]"), "spec.containers[0].envFrom[0]: Invalid value"),
        (
            pod(container="volumeMounts: [{name: v, mountPath: /v}]"),
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            pod("volumes: [{name: v}]", "volumeMounts: [{name: v, mountPath: /v, recursiveReadOnly: Enabled}]"),
            "spec.containers[0].volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when",
        ),
        (
            pod(container="livenessProbe: {exec: {command: [a]}, successThreshold: 2}"),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            pod(container="readinessProbe: {}"),
            "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        ),
        (
            pod(container="readinessProbe: {tcpSocket: {port: 1}, terminationGracePeriodSeconds: 1}"),
            "must not be set for readinessProbes",
        ),
        (pod(container="lifecycle: {stopSignal: SIGUSR1}"), "spec.containers[0].lifecycle.stopSignal: Forbidden"),
        (
            pod(container="resources: {limits: {cpu: 1}, requests: {cpu: 2}}"),
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            pod(container="resources: {limits: {memory: 64MB}}"),
            'spec.containers[0].resources.limits.memory: Invalid value: "64MB"',
        ),
        (
            pod(container="resources: {limits: {disk: 1}}"),
            'spec.containers[0].resources.limits.disk: Invalid value: "disk": must be a standard resource',
        ),
        (
            pod(container="securityContext: {privileged: true, allowPrivilegeEscalation: false}"),
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        ),
        (
            pod(
                container="restartPolicy: Never, restartPolicyRules: "
                "[{action: Restart, exitCodes: {operator: In, values: [1, 2, 1]}}]"
            ),
            "spec.containers[0].restartPolicyRules[0].exitCodes.values[2]: Duplicate value: 1",
        ),
        (
            pod(
                container="restartPolicy: Never, restartPolicyRules: "
                "[{action: Reboot, exitCodes: {operator: In, values: [1]}}]"
            ),
            'restartPolicyRules[0].action: Unsupported value: "Reboot": supported values: "Restart", "RestartAll',
        ),
        (
            pod(container="restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]"),
            "spec.containers[0].restartPolicy: Required value",
        ),
        (made("apiVersion: v1\nkind: Pod\nmetadata: {name: a}"), "spec.containers: Required value"),
        (
            made("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c, image: i}]}"),
            "metadata.name: Required value: name or generateName is required",
        ),
        (made("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {'a/b': x}"), "data[a/b]: Invalid value"),
        (
            made("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {..: x}"),
            "data[..]: Invalid value: \"..\": must not be '..'",
        ),
        (
            made("apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ntype: kubernetes.io/tls"),
            "data[tls.crt]: Required value",
        ),
        (deployment("selector: {}"), 'spec.selector: Invalid value: "{}": empty selector is invalid'),
        (deployment("selector: {matchLabels: {app: z}}"), "`selector` does not match template `labels`"),
        (
            deployment(f"{SELECTOR}, strategy: {{rollingUpdate: {{maxSurge: 0, maxUnavailable: 0}}}}"),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            made(
                f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: d}}\n"
                f"spec: {{{SELECTOR}, updateStrategy: {{type: Recreate}}, {TEMPLATE}}}"
            ),
            'spec.updateStrategy.type: Unsupported value: "Recreate"',
        ),
        (
            made(f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec: {{{TEMPLATE}}}"),
            'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"',
        ),
        (
            made(
                f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: j}}\n"
                f"spec: {{schedule: '* * *', timeZone: Mars/X, jobTemplate: {{spec: {{{TEMPLATE}}}}}}}"
            ),
            'spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X',
        ),
    ],
)
def test_faults(item: Resource, fault: str) -> None:
    assert any(fault in one for one in faults(item)), faults(item)


def test_all_faults_are_told_in_one_message() -> None:
    item = pod("restartPolicy: X, dnsPolicy: Z")
    with pytest.raises(InvalidError) as caught:
        check(item)
    assert str(caught.value).startswith('Pod "web" is invalid: [spec.restartPolicy: Unsupported value: "X"')
    assert len(caught.value.faults) == 2


def test_what_may_change_of_a_pod() -> None:
    before = pod()
    check_change(before, pod("activeDeadlineSeconds: 5", "image: other"))
    with pytest.raises(InvalidError, match="spec: Forbidden: pod updates may not change fields other than"):
        check_change(before, pod("hostNetwork: true"))
    with pytest.raises(InvalidError, match="pod updates may not add or remove containers"):
        check_change(before, pod("initContainers: [{name: i, image: i}]"))
    with pytest.raises(InvalidError, match="must be less than or equal to previous value 5"):
        check_change(pod("activeDeadlineSeconds: 5"), pod("activeDeadlineSeconds: 6"))


def sized(text: str, policy: str = "") -> Pod:
    made = pod(container=f"resources: {{{text}}}, {policy}")
    assert isinstance(made, Pod)
    return made


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("requests: {cpu: 1}", "requests: {cpu: 2}, limits: {cpu: 3}", ""),
        ("limits: {cpu: 1, memory: 1Gi}", "limits: {cpu: 500m, memory: 512Mi}", ""),
        ("requests: {cpu: 1}", "limits: {cpu: 1, memory: 1Gi}",
         'spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing'),
        ("requests: {cpu: 1}, limits: {cpu: 2}", "requests: {cpu: 1}",
         "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"),
        ("requests: {cpu: 1, memory: 1Gi}", "requests: {cpu: 1}",
         "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"),
        ("requests: {cpu: 1, ephemeral-storage: 1Gi}", "requests: {cpu: 1, ephemeral-storage: 2Gi}",
         "spec.containers[0].resources.requests: Forbidden: only cpu and memory resources are mutable"),
        ("requests: {cpu: 1}", "requests: {cpu: 3}, limits: {cpu: 2}",
         'spec.containers[0].resources.requests: Invalid value: "3": must be less than or equal to cpu limit of 2'),
    ],
)  # fmt: skip
def test_what_a_resize_may_change(before: str, after: str, fault: str) -> None:
    if not fault:
        check_resize(sized(before), sized(after))
        return
    with pytest.raises(InvalidError) as caught:
        check_resize(sized(before), sized(after))
    assert fault in [str(one) for one in caught.value.faults]


def test_policies_of_a_resize() -> None:
    twice = "resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: cpu, restartPolicy: Maybe}]"
    assert faults(sized("", twice)) == [
        'spec.containers[0].resizePolicy[1].restartPolicy: Unsupported value: "Maybe": '
        'supported values: "NotRequired", "RestartContainer"',
        'spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"',
    ]
    restarting = "resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]"
    check(sized("", restarting))
    assert 'supported values: "NotRequired"' in faults(pod("restartPolicy: Never", restarting))[0]


def test_what_may_change_of_others() -> None:
    fixed = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nimmutable: true\ndata: {a: "
    with pytest.raises(InvalidError, match="data: Forbidden: field is immutable when `immutable` is set"):
        check_change(made(fixed + "b}"), made(fixed + "c}"))
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    before = made(f"{head}spec: {{{SELECTOR}, {TEMPLATE}}}")
    check_change(before, made(f"{head}spec: {{replicas: 3, {SELECTOR}, {TEMPLATE.replace('name: c', 'name: d')}}}"))
    with pytest.raises(InvalidError, match=r"spec\.selector: Invalid value: .*: field is immutable"):
        other = f"{SELECTOR}, {TEMPLATE}".replace("app: x", "app: z")
        check_change(before, made(f"{head}spec: {{{other}}}"))
    head = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
    template = TEMPLATE.replace("containers", "restartPolicy: Never, containers")
    before = made(f"{head}spec: {{{template}}}")
    check_change(before, made(f"{head}spec: {{completions: 1, parallelism: 3, suspend: true, {template}}}"))
    with pytest.raises(InvalidError, match=r"spec\.completions: Invalid value: 2: field is immutable"):
        check_change(before, made(f"{head}spec: {{completions: 2, {template}}}"))

"""The agent against firkin's CRI server: pods come up, are kept so, end and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, is_ready, main, manifest, run, waits_for
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


SHARED = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: default}}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - name: web
    image: {IMAGE}
    command: [sh, -c, "trap 'exit 0' TERM; echo up > /data/up; while :; do sleep 0.1; done"]
    volumeMounts: [{{name: data, mountPath: /data}}]
  - name: side
    image: {IMAGE}
    command: [sh, -c, "while ! test -e /data/up; do sleep 0.1; done; echo seen; sleep 1000"]
    volumeMounts: [{{name: data, mountPath: /data}}]
  volumes:
  - name: data
    emptyDir: {{}}
"""


def test_a_pod_comes_up_is_reported_and_goes(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(SHARED)
        pod = await here.wait("web", is_ready)
        status = pod.status
        assert (status.phase, status.qos_class, status.host_ip) == ("Running", "BestEffort", "192.0.2.1")
        assert status.pod_ip.startswith("10.")
        assert [(one.name, one.ready, one.restart_count) for one in status.container_statuses] == [
            ("web", True, 0),
            ("side", True, 0),
        ]
        assert sorted({reason for reason, _ in here.events("web")}) == ["Created", "Pulled", "Started"]
        here.delete("web")
        await here.wait_gone("web")
        assert "Killing" in {reason for reason, _ in here.events("web")}

    run(shared, tmp_path, script)
    assert shared("ListPodSandbox").items == []
    assert list((tmp_path / "pods").iterdir()) == []
    assert list((tmp_path / "kubelet" / "pods").iterdir()) == []


def test_a_job_runs_its_init_containers_and_ends(shared: CriServer, tmp_path: Path) -> None:
    data = "volumeMounts: [{name: data, mountPath: /data}]"
    spec = f"""restartPolicy: Never
terminationGracePeriodSeconds: 1
volumes: [{{name: data, emptyDir: {{}}}}]
initContainers:
- {{name: one, image: "{IMAGE}", command: [sh, -c, "echo 1 > /data/x"], {data}}}
- {{name: side, image: "{IMAGE}", command: [sh, -c, "sleep 1000"], restartPolicy: Always}}
- {{name: two, image: "{IMAGE}", command: [sh, -c, "echo 2 >> /data/x"], {data}}}"""

    async def script(here: Node) -> None:
        here.apply(manifest("job", spec, "cat /data/x > /dev/termination-log; exit 0", data))
        pod = await here.wait("job", lambda pod: pod.status.phase == "Succeeded")
        ended = main(pod).state.terminated
        assert ended is not None and (ended.exit_code, ended.reason, ended.message) == (0, "Completed", "1\n2\n")
        pod = await here.wait(
            "job", lambda pod: all(one.state.terminated for one in pod.status.init_container_statuses)
        )
        assert [one.ready for one in pod.status.init_container_statuses] == [True, False, True]

    run(shared, tmp_path, script)


def test_a_container_that_keeps_ending_waits_longer_each_time(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(manifest("crash", "", "echo no; exit 3", "terminationMessagePolicy: FallbackToLogsOnError"))
        pod = await here.wait("crash", waits_for("CrashLoopBackOff"))
        status, waiting = main(pod), main(pod).state.waiting
        assert pod.status.phase == "Running"
        assert status.restart_count == 1
        assert waiting is not None and waiting.message.startswith("back-off 1s restarting failed container=main")
        assert status.last_state.terminated is not None
        assert (status.last_state.terminated.exit_code, status.last_state.terminated.message) == (3, "no\n")
        await here.wait("crash", lambda pod: main(pod).restart_count == 3 and waits_for("CrashLoopBackOff")(pod))
        assert "BackOff" in {reason for reason, _ in here.events("crash")}

    run(shared, tmp_path, script, max_restart_delay=1)


def test_what_is_missing_is_said_and_the_pod_comes_up_when_it_is_there(shared: CriServer, tmp_path: Path) -> None:
    missing = """env:
- {name: X, valueFrom: {configMapKeyRef: {name: late, key: x}}}"""

    async def script(here: Node) -> None:
        here.apply(manifest("noimage", "", more="imagePullPolicy: Never").replace(IMAGE, "registry.example/none:1"))
        pod = await here.wait("noimage", waits_for("ErrImageNeverPull"))
        assert pod.status.phase == "Pending"
        here.apply(manifest("late", "", more=missing))
        pod = await here.wait("late", waits_for("CreateContainerConfigError"))
        waiting = main(pod).state.waiting
        assert waiting is not None and waiting.message == 'configmap "late" not found'
        here.objects.create(ConfigMap(metadata=ObjectMeta(name="late", namespace="default"), data={"x": "1"}))
        await here.wait("late", is_ready)

    run(shared, tmp_path, script)


def test_a_static_pod_lives_as_long_as_its_file(shared: CriServer, tmp_path: Path) -> None:
    file = tmp_path / "manifests" / "static.yaml"

    async def script(here: Node) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(manifest("static", "terminationGracePeriodSeconds: 1"))
        first = await here.wait("static-node", is_ready)
        assert first.metadata.annotations["kubernetes.io/config.source"] == "file"
        # Another specification is another pod.
        file.write_text(manifest("static", "terminationGracePeriodSeconds: 1", "sleep 2000"))
        await here.wait("static-node", lambda pod: is_ready(pod) and pod.metadata.uid != first.metadata.uid)
        file.unlink()
        await here.wait_gone("static-node")

    run(shared, tmp_path, script)


def test_all_containers_begin_anew_when_one_ends_as_its_rule_says(shared: CriServer, tmp_path: Path) -> None:
    data = "volumeMounts: [{name: data, mountPath: /data}]"
    rule = "{action: RestartAllContainers, exitCodes: {operator: In, values: [88]}}"
    watch = "if test -e /data/again; then sleep 1000; fi; while ! test -e /data/up; do sleep 0.1; done; "
    watch += "touch /data/again; exit 88"
    spec = f"""restartPolicy: Never
volumes: [{{name: data, emptyDir: {{}}}}]
initContainers:
- {{name: setup, image: "{IMAGE}", command: [sh, -c, "echo x >> /data/setup"], {data}}}
- {{name: watcher, image: "{IMAGE}", command: [sh, -c, "{watch}"], {data}, restartPolicy: Always,
   restartPolicyRules: [{rule}]}}"""

    def restarting(pod: Pod) -> bool:
        return any(one.type == "AllContainersRestarting" and one.status == "True" for one in pod.status.conditions)

    async def script(here: Node) -> None:
        seen = asyncio.create_task(here.wait("reset", restarting))
        here.apply(manifest("reset", spec, "touch /data/up; sleep 1000", data))
        before = await seen
        pod = await here.wait("reset", lambda pod: is_ready(pod) and main(pod).restart_count == 1)
        assert [one.restart_count for one in pod.status.init_container_statuses] == [1, 1]
        ended = [one.last_state.terminated for one in (*pod.status.init_container_statuses, main(pod))]
        assert {(one.exit_code, one.reason) for one in ended if one} == {(137, "RestartingAllContainers")}
        assert (pod.metadata.uid, pod.status.pod_ip) == (before.metadata.uid, before.status.pod_ip)
        volume = tmp_path / "kubelet/pods" / pod.metadata.uid / "volumes/kubernetes.io~empty-dir/data"
        assert (volume / "setup").read_text() == "x\nx\n"

    run(shared, tmp_path, script)

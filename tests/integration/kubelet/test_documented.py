"""Pods such as the documentation of Kubernetes has them behave as it says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

SHORT = "terminationGracePeriodSeconds: 1\n"


def said(place: Path, pod: Pod, container: str = "main", restarts: int = 0) -> list[str]:
    """The lines of a container's log."""
    meta = pod.metadata
    path = place / "pods" / f"{meta.namespace}_{meta.name}_{meta.uid}" / container / f"{restarts}.log"
    return [line.split(" ", 3)[3] for line in path.read_text().splitlines()]


def has_ended(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def test_liveness_of_a_file_that_goes_away(shared: CriServer, tmp_path: Path) -> None:
    probe = "livenessProbe: {exec: {command: [cat, /tmp/healthy]}, periodSeconds: 1, failureThreshold: 1}"
    script_ = "mkdir -p /tmp; touch /tmp/healthy; sleep 2; rm /tmp/healthy; sleep 600"

    async def script(here: Node) -> None:
        here.apply(manifest("liveness", SHORT, script_, probe))
        pod = await here.wait("liveness", lambda pod: main(pod).restart_count == 1)
        assert main(pod).last_state.terminated is not None
        events = here.events("liveness")
        assert ("Killing", "Container main failed liveness probe, will be restarted") in events
        assert any(reason == "Unhealthy" for reason, _ in events)

    run(shared, tmp_path, script)


def test_readiness_by_http_and_a_startup_that_takes_its_time(shared: CriServer, tmp_path: Path) -> None:
    probes = """ports: [{name: http, containerPort: 80}]
startupProbe: {httpGet: {path: /up, port: http}, periodSeconds: 1, failureThreshold: 60}
readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 1}"""
    serve = "mkdir -p /srv /tmp; httpd -h /srv; sleep 1; touch /srv/up; until test -e /tmp/go; do sleep 0.1; done"

    async def script(here: Node) -> None:
        here.apply(manifest("http", SHORT, f"{serve}; touch /srv/ready; sleep 600", probes))
        pod = await here.wait("http", lambda pod: main(pod).started)
        assert not main(pod).ready
        container = main(pod).container_id.rpartition("//")[2]
        await here.agent.services.runtime.exec_sync(container, ["touch", "/tmp/go"])
        await here.wait("http", is_ready)

    run(shared, tmp_path, script)


def test_what_a_container_is_told(shared: CriServer, tmp_path: Path) -> None:
    spec = f"""{SHORT}restartPolicy: Never
hostname: told
hostAliases: [{{ip: 192.0.2.7, hostnames: [seven]}}]
volumes:
- {{name: config, configMap: {{name: told}}}}
- {{name: secret, secret: {{secretName: told, defaultMode: 0400}}}}
- {{name: self, downwardAPI: {{items: [{{path: name, fieldRef: {{fieldPath: metadata.name}}}}]}}}}"""
    more = """env:
- {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: LIMIT, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
- {name: BOTH, value: "$(NAME)-$(LIMIT)"}
envFrom: [{configMapRef: {name: told}, prefix: C_}]
resources: {requests: {cpu: 50m}}
volumeMounts:
- {name: config, mountPath: /config}
- {name: secret, mountPath: /secret}
- {name: self, mountPath: /self}
- {name: config, mountPath: /one, subPath: key}"""
    files = "for one in /config/key /secret/word /self/name /one; do cat $one; echo; done"
    told = f'echo "$BOTH $C_key"; {files}; hostname; grep seven /etc/hosts; stat -L -c %a /secret/word'

    async def script(here: Node) -> None:
        here.objects.create(ConfigMap(metadata=ObjectMeta(name="told", namespace="default"), data={"key": "value"}))
        here.objects.create(Secret(metadata=ObjectMeta(name="told", namespace="default"), data={"word": b"hush"}))
        here.apply(manifest("told", spec, told, more))
        pod = await here.wait("told", has_ended)
        assert said(tmp_path, pod) == [
            "told-50 value", "value", "hush", "told", "value", "told", "192.0.2.7\tseven", "400",
        ]  # fmt: skip
        here.delete("told")
        await here.wait_gone("told")

    run(shared, tmp_path, script)


def test_a_security_context(shared: CriServer, tmp_path: Path) -> None:
    spec = f"""{SHORT}restartPolicy: Never
securityContext: {{runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000], runAsNonRoot: true}}
volumes: [{{name: data, emptyDir: {{}}}}]"""
    more = """securityContext:
  {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
volumeMounts: [{name: data, mountPath: /data}]"""
    look = (
        "id -u; id -g; id -G; touch /data/x; stat -c %g /data/x; touch /x 2>&1 || echo read-only; "
        "grep NoNewPrivs /proc/1/status; grep CapBnd /proc/1/status"
    )

    async def script(here: Node) -> None:
        here.apply(manifest("secure", spec, look, more))
        pod = await here.wait("secure", has_ended)
        lines = said(tmp_path, pod)
        assert lines[:2] == ["1000", "3000"]
        assert {"2000", "3000", "4000"} == set(lines[2].split())
        assert lines[3] == "2000"
        assert "read-only" in lines
        assert lines[-2:] == ["NoNewPrivs:\t1", "CapBnd:\t0000000000000000"]

    run(shared, tmp_path, script)


def test_containers_that_share_their_processes(shared: CriServer, tmp_path: Path) -> None:
    spec = f"""{SHORT}shareProcessNamespace: true
initContainers:
- {{name: other, image: "{IMAGE}", command: [sh, -c, "exec sleep 4321"], restartPolicy: Always}}"""

    async def script(here: Node) -> None:
        look = "until ps | grep -q '[s]leep 4321'; do sleep 0.1; done; echo seen; sleep 600"
        here.apply(manifest("shared", spec, look))
        pod = await here.wait("shared", is_ready)
        async with asyncio.timeout(60):
            while said(tmp_path, pod) != ["seen"]:
                await asyncio.sleep(0.05)

    run(shared, tmp_path, script)

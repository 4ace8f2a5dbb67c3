"""What containers see of volumes and variables: the agent against firkin's CRI server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.volumes.mounting import mounts_below
from tests.support.agent import Node, is_ready, main, run
from tests.support.cri_server import IMAGE, CriServer
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: default, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {{runAsUser: 1000, runAsGroup: 1000, fsGroup: 2345}}
  hostAliases: [{{ip: 192.0.2.7, hostnames: [friend]}}]
  dnsPolicy: None
  dnsConfig: {{nameservers: [192.0.2.53], searches: [example.org], options: [{{name: ndots, value: "2"}}]}}
  containers:
  - name: main
    image: {IMAGE}
    command: [sh, -c, "echo $(COLOR) > /data/color; sleep 1000"]
    envFrom: [{{configMapRef: {{name: conf}}, prefix: CONF_}}]
    env:
    - {{name: COLOR, valueFrom: {{configMapKeyRef: {{name: conf, key: color}}}}}}
    - {{name: WORD, valueFrom: {{secretKeyRef: {{name: keys, key: word}}}}}}
    - {{name: ME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
    - {{name: ADDRESS, valueFrom: {{fieldRef: {{fieldPath: status.podIP}}}}}}
    - {{name: BOTH, value: "$(COLOR)-$(ME)-$$(ME)"}}
    volumeMounts:
    - {{name: data, mountPath: /data, subPathExpr: "of-$(ME)"}}
    - {{name: fast, mountPath: /fast}}
    - {{name: conf, mountPath: /conf}}
    - {{name: conf, mountPath: /one/color, subPath: color}}
    - {{name: all, mountPath: /all}}
  volumes:
  - {{name: data, emptyDir: {{}}}}
  - {{name: fast, emptyDir: {{medium: Memory, sizeLimit: 1Mi}}}}
  - {{name: conf, configMap: {{name: conf}}}}
  - name: all
    projected:
      sources:
      - secret: {{name: keys, items: [{{key: word, path: deep/word, mode: 0440}}]}}
      - downwardAPI: {{items: [{{path: labels, fieldRef: {{fieldPath: metadata.labels}}}}]}}
"""


def _conf(color: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name="conf", namespace="default"), data={"color": color})


def test_containers_see_their_volumes_variables_and_names(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.objects.create(_conf("red"))
        here.objects.create(Secret(metadata=ObjectMeta(name="keys", namespace="default"), data={"word": b"hush"}))
        here.apply(POD)
        pod = await here.wait("web", is_ready)
        container = main(pod).container_id.partition("://")[2]

        async def say(command: str) -> str:
            answer = await here.agent.services.runtime.exec_sync(container, ["sh", "-c", command])
            return (answer.stdout + answer.stderr).decode().strip()

        assert await say("echo $BOTH $WORD $CONF_color $ADDRESS") == f"red-web-$(ME) hush red {pod.status.pod_ip}"
        assert await say("cat /data/color /conf/color /one/color /all/deep/word") == "red\nredredhush"
        assert await say("cat /all/labels") == 'app="web"'
        assert await say("id -G") == "1000 2345"
        assert await say("touch /fast/x && stat -c '%u %g' /fast/x") == "1000 2345"
        assert "Read-only file system" in await say("touch /conf/x")
        assert "No space left" in await say("dd if=/dev/zero of=/fast/big bs=1M count=2")
        assert "192.0.2.7\tfriend" in await say("cat /etc/hosts")
        assert f"{pod.status.pod_ip}\tweb" in await say("cat /etc/hosts")
        assert sorted((await say("cat /etc/resolv.conf")).splitlines()) == [
            "nameserver 192.0.2.53", "options ndots:2", "search example.org",
        ]  # fmt: skip
        new = {"color": "blue"}
        here.objects.change(ConfigMap, "default", "conf", lambda one: msgspec.structs.replace(one, data=new))
        async with asyncio.timeout(SECONDS):
            while await say("cat /conf/color") != "blue":
                await asyncio.sleep(0.05)
        # A part of a volume is what it was when the container was made.
        assert await say("cat /one/color") == "red"
        here.delete("web")
        await here.wait_gone("web")

    run(shared, tmp_path, script)
    assert not mounts_below(str(tmp_path)) and list((tmp_path / "kubelet/pods").iterdir()) == []


BROKEN = f"""
apiVersion: v1
kind: Pod
metadata: {{name: broken, namespace: default}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {IMAGE}
    command: [sleep, "1000"]
    volumeMounts: [{{name: conf, mountPath: /conf}}]
  volumes:
  - {{name: conf, configMap: {{name: conf}}}}
"""


def test_a_pod_whose_volume_can_not_be_had_waits_for_it_and_says_so(shared: CriServer, tmp_path: Path) -> None:
    async def script(here: Node) -> None:
        here.apply(BROKEN)
        async with asyncio.timeout(SECONDS):
            while not here.events("broken"):
                await asyncio.sleep(0.05)
        told = 'MountVolume.SetUp failed for volume "conf" : configmap "conf" not found'
        assert here.events("broken")[0] == ("FailedMount", told)
        assert (await here.wait("broken", lambda pod: pod.status.phase == "Pending")).status.phase == "Pending"
        here.objects.create(_conf("red"))
        await here.wait("broken", is_ready)

    run(shared, tmp_path, script)

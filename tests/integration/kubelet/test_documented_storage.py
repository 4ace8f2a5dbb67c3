"""Volumes of pods such as the documentation of Kubernetes has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import ObjectMeta
from tests.support.agent import Node, is_ready, main, manifest, run_together
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

ONCE = "restartPolicy: Never\nterminationGracePeriodSeconds: 1\n"
MOUNT = "volumeMounts: [{name: v, mountPath: /v}]"


def _meta(name: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="default")


async def data_outlives_the_container(here: Node) -> None:
    spec = "terminationGracePeriodSeconds: 1\nvolumes: [{name: v, emptyDir: {}}]"
    script = "trap exit TERM; cat /v/kept; echo up; while :; do sleep 0.1; done"
    pod = await here.ready(manifest("outlives", spec, script, MOUNT))
    await here.until_said(pod, "up")
    await here.execute(pod, "echo text > /v/kept; echo lost > /elsewhere; kill 1")
    pod = await here.wait("outlives", lambda pod: main(pod).restart_count == 1 and is_ready(pod))
    await here.until_said(pod, "text")
    assert "No such file" in await here.execute(pod, "cat /elsewhere")


async def projections_in_one_directory(here: Node) -> None:
    here.objects.create(Secret(metadata=_meta("names"), data={"user": b"ada"}))
    here.objects.create(Secret(metadata=_meta("words"), data={"word": b"hush"}))
    here.objects.create(ConfigMap(metadata=_meta("plan"), data={"step": "one"}))
    spec = f"""{ONCE}volumes:
- name: v
  projected:
    sources:
    - secret: {{name: names, items: [{{key: user, path: group/user}}]}}
    - secret: {{name: words, items: [{{key: word, path: group/word, mode: 0777}}]}}
    - configMap: {{name: plan, items: [{{key: step, path: plan/step}}]}}
    - downwardAPI: {{items: [{{path: name, fieldRef: {{fieldPath: metadata.name}}}}]}}"""
    look = """for one in group/user group/word plan/step name; do stat -L -c %a /v/$one; cat /v/$one; echo; done
touch /v/x 2>/dev/null || echo refused"""
    said = await here.ended(manifest("projected", spec, look, MOUNT))
    assert said[:8] == ["644", "ada", "777", "hush", "644", "one", "644", "projected"]
    assert said[-1] == "refused"


async def images_as_volumes(here: Node) -> None:
    image = f'image: {{reference: "{IMAGE}", pullPolicy: Never}}'
    spec = f"{ONCE}volumes: [{{name: v, {image}}}]"
    more = "volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /part, subPath: etc}]"
    look = "test -x /v/bin/busybox && echo whole; cut -d: -f1 /part/passwd | head -1; "
    look += "touch /v/x 2>/dev/null || echo refused"
    said = await here.ended(manifest("images", spec, look, more))
    assert said[:2] == ["whole", "root"] and said[-1] == "refused"


async def parts_of_volumes(here: Node) -> None:
    here.objects.create(ConfigMap(metadata=_meta("parts"), data={"conf": "text\n"}))
    spec = f"""{ONCE}volumes: [{{name: site, emptyDir: {{}}}}, {{name: conf, configMap: {{name: parts}}}}]
initContainers:
- name: first
  image: {IMAGE}
  command: [sh, -c, "echo page > /html/index; echo rows > /data/table"]
  volumeMounts: &both
  - {{name: site, mountPath: /html, subPath: html}}
  - {{name: site, mountPath: /data, subPathExpr: $(KIND)-data}}
  env: &kind [{{name: KIND, value: sql}}]"""
    more = """volumeMounts:
- {name: site, mountPath: /all}
- {name: conf, mountPath: /etc/app/conf, subPath: conf}
- {name: site, mountPath: /data, subPathExpr: $(KIND)-data, readOnly: true}
env: [{name: KIND, value: sql}]"""
    look = (
        "cat /all/html/index /data/table /all/sql-data/table /etc/app/conf; touch /data/x 2>/dev/null || echo refused"
    )
    said = await here.ended(manifest("parts", spec, look, more))
    assert said[:4] == ["page", "rows", "rows", "text"] and said[-1] == "refused"


async def a_directory_of_a_mode(here: Node) -> None:
    spec = f"{ONCE}volumes: [{{name: v, emptyDir: {{mode: 01777}}}}]"
    assert await here.ended(manifest("mode", spec, "stat -c %a /v", MOUNT)) == ["1777"]


async def memory_of_a_size(here: Node) -> None:
    spec = f"{ONCE}volumes: [{{name: v, emptyDir: {{medium: Memory, sizeLimit: 1Mi}}}}]"
    look = """grep ' /v ' /proc/mounts | cut -d' ' -f3; dd if=/dev/zero of=/v/big bs=1M count=2 2>/dev/null || echo full
stat -c %a /v"""
    assert await here.ended(manifest("memory", spec, look, MOUNT)) == ["tmpfs", "full", "777"]


async def a_path_of_the_machine_that_is_made(here: Node) -> None:
    place = here.logs.parent / "made" / "deep"
    spec = f"{ONCE}volumes: [{{name: v, hostPath: {{path: {place}, type: DirectoryOrCreate}}}}]"
    await here.ended(manifest("made", spec, "echo written > /v/file", MOUNT))
    assert (place / "file").read_text() == "written\n" and place.stat().st_mode & 0o777 == 0o755


ELSEWHERE = {
    "claim": "persistentVolumeClaim: {claimName: c}",
    "driver": "csi: {driver: d.example}",
}


async def volumes_that_only_a_cluster_has(here: Node) -> None:
    for name, source in ELSEWHERE.items():
        here.apply(manifest(name, f"{ONCE}volumes: [{{name: v, {source}}}]", "true", MOUNT))
    for name, source in ELSEWHERE.items():
        message = await here.told(name, "FailedMount")
        assert 'SetUp failed for volume "v" : ' in message and source.partition(":")[0] in message
        pod = here.pod(name)
        assert pod is not None and pod.status.phase == "Pending"


def test_volumes_are_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, data_outlives_the_container, projections_in_one_directory, images_as_volumes,
        parts_of_volumes, a_directory_of_a_mode, memory_of_a_size, a_path_of_the_machine_that_is_made,
        volumes_that_only_a_cluster_has, max_restart_delay=1,
    )  # fmt: skip

"""What containers are told of themselves and of objects, by pods such as the documentation of Kubernetes has them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firkin.kubelet.api.config import ConfigMap, Secret
from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.objects.store import Objects
from tests.support.agent import Node, main, manifest, run_together, waits_for
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

ONCE = "restartPolicy: Never\nterminationGracePeriodSeconds: 1\n"


def make_objects(objects: Objects) -> None:
    def meta(name: str) -> ObjectMeta:
        return ObjectMeta(name=name, namespace="default")

    objects.create(ConfigMap(metadata=meta("game"), data={"lives": "3", "ui.properties": "color=red\nsound=off\n"}))
    objects.create(ConfigMap(metadata=meta("level"), data={"LEVEL": "hard"}))
    objects.create(Secret(metadata=meta("login"), data={"user": b"ada", "word": b"hush\n", ".hidden": b"dot"}))


async def arguments_with_variables_in_them(here: Node) -> None:
    text = f"""
apiVersion: v1
kind: Pod
metadata: {{name: arguments, namespace: default}}
spec:
  restartPolicy: OnFailure
  containers:
  - name: main
    image: {IMAGE}
    env: [{{name: GREETING, value: hello}}]
    command: [busybox, printf]
    args: ["%s\\n", "$(GREETING) world", "$$(GREETING)", "$(NOBODY)"]
"""
    assert await here.ended(text) == ["hello world", "$(GREETING)", "$(NOBODY)"]


async def variables_that_depend_on_others(here: Node) -> None:
    env = """env:
- {name: UNCHANGED, value: "$(SCHEME)://x"}
- {name: SCHEME, value: https}
- {name: ADDRESS, value: "$(SCHEME)://192.0.2.1:80"}
- {name: ESCAPED, value: "$$(SCHEME)://x"}"""
    said = await here.ended(manifest("dependent", ONCE, 'echo "$UNCHANGED|$ADDRESS|$ESCAPED|$HOSTNAME"', env))
    assert said == ["$(SCHEME)://x|https://192.0.2.1:80|$(SCHEME)://x|dependent"]


async def fields_of_the_pod(here: Node) -> None:
    text = manifest(
        "fields",
        f"{ONCE}serviceAccountName: builder\n"
        "volumes: [{name: self, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, "
        "{path: notes, fieldRef: {fieldPath: metadata.annotations}}, "
        "{path: half, resourceFieldRef: {containerName: main, resource: limits.cpu, divisor: 1m}}, "
        "{path: memory, resourceFieldRef: {containerName: main, resource: requests.memory, divisor: 1Mi}}]}}]",
        'echo "$NODE $NAME $SPACE $ACCOUNT"; echo "$CPU $LIMIT $MEMORY"; test -n "$IP" && echo address; '
        "cat /self/labels; echo; cat /self/notes; echo; cat /self/half; echo; cat /self/memory; echo; "
        "readlink /self/labels",
        """resources: {requests: {memory: 32Mi, cpu: 125m}, limits: {memory: 64Mi, cpu: 250m}}
volumeMounts: [{name: self, mountPath: /self}]
env:
- {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
- {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: SPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
- {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
- {name: CPU, valueFrom: {resourceFieldRef: {containerName: main, resource: requests.cpu}}}
- {name: LIMIT, valueFrom: {resourceFieldRef: {containerName: main, resource: limits.cpu}}}
- {name: MEMORY, valueFrom: {resourceFieldRef: {containerName: main, resource: limits.memory}}}""",
    ).replace("name: fields,", "name: fields, labels: {zone: a, rack: r-22}, annotations: {build: two},")
    # Parts of a processor are told as a whole one.
    assert await here.ended(text) == [
        "node fields default builder", f"1 1 {64 << 20}", "address",
        'rack="r-22"', 'zone="a"', 'build="two"', "250", "32", "..data/labels",
    ]  # fmt: skip


async def config_maps(here: Node) -> None:
    more = """volumeMounts:
- {name: all, mountPath: /all}
- {name: one, mountPath: /one}
env:
- {name: LIVES, valueFrom: {configMapKeyRef: {name: game, key: lives}}}
- {name: NONE, valueFrom: {configMapKeyRef: {name: game, key: none, optional: true}}}
envFrom: [{configMapRef: {name: level}}, {configMapRef: {name: nowhere, optional: true}}]"""
    spec = f"""{ONCE}volumes:
- {{name: all, configMap: {{name: game}}}}
- {{name: one, configMap: {{name: game, items: [{{key: ui.properties, path: deep/ui}}]}}}}"""
    look = 'echo "$LIVES $LEVEL ${NONE-unset}"; ls /all; cat /all/ui.properties; ls /one; cat /one/deep/ui'
    assert await here.ended(manifest("configured", spec, look, more)) == [
        "3 hard unset", "lives", "ui.properties", "color=red", "sound=off", "deep", "color=red", "sound=off",
    ]  # fmt: skip


async def secrets(here: Node) -> None:
    more = """volumeMounts: [{name: keys, mountPath: /keys, readOnly: true}, {name: none, mountPath: /none}]
env: [{name: LOGIN, valueFrom: {secretKeyRef: {name: login, key: user}}}]
envFrom: [{secretRef: {name: login}, prefix: S_}]"""
    spec = f"""{ONCE}volumes:
- {{name: keys, secret: {{secretName: login, defaultMode: 0400}}}}
- {{name: none, secret: {{secretName: nowhere, optional: true}}}}"""
    look = """echo "$LOGIN $S_user" $S_word; cat /keys/.hidden; echo; stat -L -c %a /keys/word; ls /none | wc -l
grep ' /keys ' /proc/mounts | cut -d' ' -f3; touch /keys/x 2>/dev/null || echo refused"""
    said = await here.ended(manifest("secrets", spec, look, more))
    # Files that are secret are in memory alone.
    assert said[:5] == ["ada ada hush", "dot", "400", "0", "tmpfs"] and said[-1] == "refused"


async def variables_of_a_file(here: Node) -> None:
    spec = f"""{ONCE}volumes: [{{name: conf, emptyDir: {{}}}}]
initContainers:
- name: writes
  image: {IMAGE}
  command: [sh, -c, 'echo "ADDRESS=''address of x''" > /data/conf.env']
  volumeMounts: [{{name: conf, mountPath: /data}}]"""
    env = """env:
- {name: WHERE, valueFrom: {fileKeyRef: {volumeName: conf, path: conf.env, key: ADDRESS}}}
- {name: NONE, valueFrom: {fileKeyRef: {volumeName: conf, path: conf.env, key: NONE, optional: true}}}"""
    said = await here.ended(
        manifest("from-file", spec, 'echo "$WHERE ${NONE-unset}"; test -e /data || echo unmounted', env)
    )
    assert said == ["address of x unset", "unmounted"]
    here.apply(manifest("no-key", spec, "true", env.replace(", optional: true", "")))
    pod = await here.wait("no-key", waits_for("CreateContainerConfigError"))
    waiting = main(pod).state.waiting
    assert waiting is not None
    assert waiting.message == 'couldn\'t find key NONE in file "conf.env" of volume "conf"'


async def a_pod_waits_for_the_secret_that_it_names(here: Node) -> None:
    here.apply(manifest("waits", f"{ONCE}volumes: [{{name: v, secret: {{secretName: later}}}}]", "cat /v/key",
                        "volumeMounts: [{name: v, mountPath: /v}]"))  # fmt: skip
    await here.told("waits", "FailedMount")
    later = Secret(metadata=ObjectMeta(name="later", namespace="default"), data={"key": b"came\n"})
    here.objects.create(later)
    assert here.said(await here.wait("waits", lambda pod: pod.status.phase == "Succeeded")) == ["came"]


async def names_and_a_resolver_of_its_own(here: Node) -> None:
    spec = f"""{ONCE}hostname: named
subdomain: group
hostAliases: [{{ip: 192.0.2.7, hostnames: [seven, sieben]}}]
dnsPolicy: None
dnsConfig: {{nameservers: [192.0.2.53], searches: [a.example, b.example], options: [{{name: ndots, value: "2"}}]}}"""
    look = "hostname; cat /etc/resolv.conf; grep seven /etc/hosts"
    said = await here.ended(manifest("resolver", spec, look))
    assert said[0] == "named" and said[-1] == "192.0.2.7\tseven\tsieben"
    assert sorted(said[1:-1]) == ["nameserver 192.0.2.53", "options ndots:2", "search a.example b.example"]


def test_containers_are_told_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    async def changed(here: Node) -> None:
        # What is mounted follows its object, what is a variable does not.
        more = """volumeMounts: [{name: v, mountPath: /v}]
env: [{name: FIRST, valueFrom: {configMapKeyRef: {name: moves, key: x}}}]"""
        moves = ConfigMap(metadata=ObjectMeta(name="moves", namespace="default"), data={"x": "1"})
        here.objects.create(moves)
        script = "until grep -q 2 /v/x; do sleep 0.05; done; echo $FIRST; cat /v/x"
        spec = f"{ONCE}volumes: [{{name: v, configMap: {{name: moves}}}}]"
        here.apply(manifest("moves", spec, script, more))
        await here.wait("moves", lambda pod: pod.status.phase == "Running")
        here.objects.change(ConfigMap, "default", "moves", lambda one: msgspec.structs.replace(one, data={"x": "2"}))
        assert here.said(await here.wait("moves", lambda pod: pod.status.phase == "Succeeded")) == ["1", "2"]

    async def first(here: Node) -> None:
        make_objects(here.objects)

    run_together(
        shared, tmp_path, first, arguments_with_variables_in_them, variables_that_depend_on_others, fields_of_the_pod,
        config_maps, secrets, variables_of_a_file, a_pod_waits_for_the_secret_that_it_names,
        names_and_a_resolver_of_its_own, changed,
    )  # fmt: skip

"""Pods of several containers, their order, hooks, logs and last words, as the documentation of Kubernetes has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from tests.support.agent import Node, has_ended, main, manifest, run_together, status_of
from tests.support.cri_server import IMAGE, CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

QUICK = "terminationGracePeriodSeconds: 1\n"
VOLUME = "volumes: [{name: v, emptyDir: {}}]\n"
MOUNT = "volumeMounts: [{name: v, mountPath: /v}]"


def side(name: str, script: str, more: str = "", policy: str = "restartPolicy: Always") -> str:
    """An item of initContainers: a sidecar, unless `policy` says otherwise."""
    lines = [f"- name: {name}", f"  image: {IMAGE}", f'  command: [sh, -c, "{script}"]', f"  {policy}", f"  {MOUNT}"]
    return "\n".join([*lines, *(f"  {line}" for line in more.splitlines())]) + "\n"


async def what_was_initialized_is_served(here: Node) -> None:
    spec = QUICK + VOLUME + "initContainers:\n" + side("first", "echo written first > /v/index.html", policy="")
    more = f"{MOUNT}\nreadinessProbe: {{httpGet: {{path: /index.html, port: 80}}, periodSeconds: 1}}"
    pod = await here.ready(manifest("initialized", spec, "exec httpd -f -h /v", more))
    first = status_of(pod, "first").state.terminated
    assert first is not None and (first.exit_code, first.reason) == (0, "Completed")
    assert await here.execute(pod, "wget -qO- http://localhost/index.html") == "written first"


async def one_after_the_other(here: Node) -> None:
    inits = "".join(side(name, f"echo {name} >> /v/order", policy="") for name in ("one", "two", "three"))
    spec = f"restartPolicy: Never\n{QUICK}{VOLUME}initContainers:\n{inits}"
    assert await here.ended(manifest("ordered", spec, "cat /v/order", MOUNT)) == ["one", "two", "three"]


async def an_init_container_is_tried_again(here: Node) -> None:
    again = "echo x >> /v/tries; test $(wc -l < /v/tries) = 2"
    spec = f"restartPolicy: OnFailure\n{QUICK}{VOLUME}initContainers:\n" + side("first", again, policy="")
    pod = await here.wait(here.apply(manifest("again", spec, "cat /v/tries", MOUNT)).metadata.name, has_ended)
    assert (pod.status.phase, status_of(pod, "first").restart_count) == ("Succeeded", 1)
    assert here.said(pod) == ["x", "x"]


async def an_init_container_fails_its_pod(here: Node) -> None:
    spec = f"restartPolicy: Never\n{QUICK}{VOLUME}initContainers:\n" + side("first", "exit 4", policy="")
    pod = await here.wait(here.apply(manifest("failed", spec)).metadata.name, has_ended)
    first, waiting = status_of(pod, "first").state.terminated, main(pod).state.waiting
    assert pod.status.phase == "Failed" and first is not None and first.exit_code == 4
    assert waiting is not None and waiting.reason == "PodInitializing"
    initialized = next(one for one in pod.status.conditions if one.type == "Initialized")
    assert (initialized.status, initialized.reason) == ("False", "ContainersNotInitialized")


async def a_sidecar_adapts_what_is_logged(here: Node) -> None:
    adapter = "touch /v/raw; tail -f /v/raw | while read line; do echo adapted: $line; done"
    spec = QUICK + VOLUME + "initContainers:\n" + side("adapter", adapter)
    pod = await here.ready(manifest("adapter", spec, "echo event >> /v/raw; sleep 1000", MOUNT))
    await here.until_said(pod, "adapted: event", "adapter")


async def a_sidecar_is_there_before_the_containers(here: Node) -> None:
    # The container would fail if it were started before the sidecar's probe has succeeded.
    probe = "startupProbe: {exec: {command: [test, -f, /v/conf]}, periodSeconds: 1, failureThreshold: 100}"
    sidecar = side("config", "sleep 1; echo greeting > /v/conf; while :; do sleep 1; done", probe)
    pod = await here.ready(manifest("startup", f"{QUICK}{VOLUME}initContainers:\n{sidecar}",
                                    "cat /v/conf || exit 1; sleep 1000", MOUNT))  # fmt: skip
    await here.until_said(pod, "greeting")
    assert main(pod).restart_count == 0 and status_of(pod, "config").started


async def containers_are_neighbours(here: Node) -> None:
    # One serves, one passes on to it what comes to another port, the third asks that: all of them on localhost.
    ambassador = "while :; do busybox nc -l -p 5432 -e busybox nc 127.0.0.1 80 || sleep 0.1; done"
    spec = QUICK + VOLUME + "initContainers:\n" + side("ambassador", ambassador)
    spec += side("client", "until wget -qO- http://127.0.0.1:5432/page; do sleep 0.1; done; sleep 1000")
    serve = "echo of the main one > /v/page; exec httpd -f -h /v"
    pod = await here.ready(manifest("neighbours", spec, serve, MOUNT))
    await here.until_said(pod, "of the main one", "client")


async def each_file_of_logs_is_a_stream(here: Node) -> None:
    lines = "".join(side(f"log-{n}", f"touch /v/{n}; exec tail -n+1 -f /v/{n}") for n in (1, 2))
    spec = f"{QUICK}{VOLUME}initContainers:\n{lines}"
    count = "for i in 0 1 2; do echo $i: one >> /v/1; echo INFO $i >> /v/2; done; sleep 1000"
    pod = await here.ready(manifest("streams", spec, count, MOUNT))
    await here.until_said(pod, "2: one", "log-1")
    await here.until_said(pod, "INFO 2", "log-2")
    assert here.said(pod, "log-1") == ["0: one", "1: one", "2: one"]


async def hooks_after_the_start_and_before_the_end(here: Node) -> None:
    place = here.logs.parent / "hooks"
    place.mkdir()
    spec = f"terminationGracePeriodSeconds: 30\nvolumes: [{{name: v, hostPath: {{path: {place}}}}}]"
    hooks = """lifecycle:
  postStart: {exec: {command: [sh, -c, "echo hello > /message"]}}
  preStop: {exec: {command: [sh, -c, "touch /v/asked; until test -e /v/done; do sleep 0.1; done"]}}"""
    script = "until test -e /v/asked; do sleep 0.05; done; touch /v/done; while :; do sleep 0.1; done"
    pod = await here.ready(manifest("hooked", spec, f"trap 'exit 0' TERM; {script}", f"{MOUNT}\n{hooks}"))
    # It does not run before its hook has succeeded.
    assert await here.execute(pod, "cat /message") == "hello"
    here.delete("hooked")
    await here.wait_gone("hooked")
    assert (place / "done").exists()


async def last_words(here: Node) -> None:
    def words(pod: Pod) -> str:
        ended = main(pod).state.terminated
        return ended.message if ended else ""

    once = f"restartPolicy: Never\n{QUICK}"
    pods = {
        "file": ("echo expired > /dev/termination-log", "", "expired\n"),
        "elsewhere": ("echo mine > /tmp/my-log", "terminationMessagePath: /tmp/my-log", "mine\n"),
        "fallback": ("echo out; exit 1", "terminationMessagePolicy: FallbackToLogsOnError", "out\n"),
        "well": ("echo out", "terminationMessagePolicy: FallbackToLogsOnError", ""),
        "long": ("yes x | head -c 9000 > /dev/termination-log", "", "x\n" * 2048),
    }
    for name, (script, more, message) in pods.items():
        pod = await here.wait(here.apply(manifest(name, once, script, more)).metadata.name, has_ended)
        assert words(pod) == message


async def counted_lines(here: Node) -> None:
    script = "i=0; while test $i -lt 3; do echo $i; echo e$i >&2; i=$((i+1)); done; sleep 1000"
    pod = await here.ready(manifest("counter", QUICK, script))
    await here.until_said(pod, "2")
    await here.until_said(pod, "e2")
    assert sorted(here.said(pod)) == ["0", "1", "2", "e0", "e1", "e2"]


async def policies_of_restarts(here: Node) -> None:
    for name, policy, script, phase in (
        ("never-well", "Never", "exit 0", "Succeeded"),
        ("never-badly", "Never", "exit 1", "Failed"),
        ("failure-well", "OnFailure", "exit 0", "Succeeded"),
    ):
        pod = await here.wait(here.apply(manifest(name, f"restartPolicy: {policy}\n{QUICK}", script)).metadata.name,
                              has_ended)  # fmt: skip
        assert (pod.status.phase, main(pod).restart_count) == (phase, 0)
    for name, policy, code in (("always", "Always", 0), ("failure", "OnFailure", 3)):
        here.apply(manifest(name, f"restartPolicy: {policy}\n{QUICK}", f"exit {code}"))
        pod = await here.wait(name, lambda pod: main(pod).restart_count >= 2)
        last = main(pod).last_state.terminated
        assert last is not None and last.exit_code == code and pod.status.phase == "Running"


def test_containers_of_a_pod_live_as_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, what_was_initialized_is_served, one_after_the_other, an_init_container_is_tried_again,
        an_init_container_fails_its_pod, a_sidecar_adapts_what_is_logged, a_sidecar_is_there_before_the_containers,
        containers_are_neighbours, each_file_of_logs_is_a_stream, hooks_after_the_start_and_before_the_end, last_words,
        counted_lines, policies_of_restarts, max_restart_delay=1,
    )  # fmt: skip

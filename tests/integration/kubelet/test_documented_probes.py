"""Probes of pods such as the documentation of Kubernetes has them, with shorter times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agent import Node, has_ended, is_ready, main, manifest, run_together
from tests.support.cri_server import CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

QUICK = "terminationGracePeriodSeconds: 1\n"
ONE = "periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 60"
PATIENT = "periodSeconds: 1, failureThreshold: 600, timeoutSeconds: 60"
SERVE = "mkdir -p /www; httpd -p 8080 -h /www; "
PORT = "ports: [{name: web, containerPort: 8080}]\n"


async def a_program_that_fails(here: Node) -> None:
    probe = f"livenessProbe: {{exec: {{command: [cat, /tmp/healthy]}}, initialDelaySeconds: 1, {ONE}}}"
    script = "touch /tmp/healthy; sleep 2; rm -f /tmp/healthy; trap exit TERM; while :; do sleep 0.1; done"
    here.apply(manifest("program", QUICK, script, probe))
    pod = await here.wait("program", lambda pod: main(pod).restart_count >= 1 and main(pod).state.running)
    assert pod.status.phase == "Running"
    events = here.events("program")
    said = "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"
    assert ("Unhealthy", said) in events
    assert ("Killing", "Container main failed liveness probe, will be restarted") in events


async def a_page_that_is_an_error(here: Node) -> None:
    # 200 first, 500 as soon as it is told so, for the request with the header alone.
    answer = """#!/bin/sh
code=404
while read -r line && test ${#line} -gt 1; do case $line in X-Own:*own*) code=$(cat /code);; esac; done
printf "HTTP/1.0 $code x\\r\\n\\r\\nok"
"""
    script = f"cat > /answer << 'EOF'\n{answer}EOF\nchmod +x /answer; echo 200 > /code; "
    script += "exec busybox nc -ll -p 8080 -e /answer"
    get = "httpGet: {path: /healthz, port: web, httpHeaders: [{name: X-Own, value: own}]}"
    more = (
        f"{PORT}startupProbe: {{{get}, {PATIENT}}}\nlivenessProbe: {{{get}, {ONE}}}\nreadinessProbe: {{{get}, {ONE}}}"
    )
    pod = await here.ready(manifest("page", QUICK, script, more))
    assert main(pod).restart_count == 0
    await here.execute(pod, "echo 500 > /code")
    await here.wait("page", lambda pod: main(pod).restart_count >= 1)
    messages = {message for reason, message in here.events("page") if reason == "Unhealthy"}
    assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in messages


async def a_port_that_is_closed(here: Node) -> None:
    more = f"""{PORT}startupProbe: {{tcpSocket: {{port: 8080}}, {PATIENT}}}
readinessProbe: {{tcpSocket: {{port: 8080}}, {ONE}}}
livenessProbe: {{tcpSocket: {{port: web}}, {ONE}}}"""
    script = f"{SERVE} trap exit TERM; while :; do sleep 0.1; done"
    pod = await here.ready(manifest("port", QUICK, script, more))
    await here.execute(pod, "busybox killall httpd")
    await here.wait("port", lambda pod: main(pod).restart_count >= 1)
    assert any(text.startswith("Liveness probe failed: dial tcp ") for _, text in here.events("port"))


async def a_slow_start_is_protected(here: Node) -> None:
    # Its liveness probe would end it in a second.
    probe = "exec: {command: [test, -e, /tmp/up]}"
    more = f"startupProbe: {{{probe}, {PATIENT}}}\nlivenessProbe: {{{probe}, {ONE}}}"
    here.apply(manifest("slow", QUICK, "sleep 3; touch /tmp/up; sleep 1000", more))
    pod = await here.wait("slow", lambda pod: main(pod).started and is_ready(pod))
    assert main(pod).restart_count == 0


async def what_never_starts_is_subject_to_the_policy(here: Node) -> None:
    more = f'startupProbe: {{exec: {{command: ["false"]}}, {ONE}}}'
    here.apply(manifest("never", f"{QUICK}restartPolicy: Never", "sleep 1000", more))
    pod = await here.wait("never", has_ended)
    ended = main(pod).state.terminated
    assert pod.status.phase == "Failed" and ended is not None and ended.exit_code == 137
    assert ("Killing", "Stopping container main") in here.events("never")


async def who_is_not_ready_is_not_ended(here: Node) -> None:
    more = f"readinessProbe: {{exec: {{command: [test, -e, /tmp/ready]}}, {ONE}}}"
    pod = here.apply(manifest("comes", QUICK, "touch /tmp/ready; sleep 1000", more))
    pod = await here.wait("comes", is_ready)
    await here.execute(pod, "rm /tmp/ready")
    await here.wait("comes", lambda pod: not is_ready(pod))
    await here.execute(pod, "touch /tmp/ready")
    pod = await here.wait("comes", is_ready)
    assert main(pod).restart_count == 0 and pod.status.phase == "Running"
    conditions = {one.type: one.status for one in pod.status.conditions}
    assert conditions["ContainersReady"] == conditions["Ready"] == "True"


async def a_probe_that_takes_too_long(here: Node) -> None:
    probe = (
        "livenessProbe: {exec: {command: [sleep, '1000']}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 1}"
    )
    here.apply(manifest("long", QUICK, "trap exit TERM; while :; do sleep 0.1; done", probe))
    await here.wait("long", lambda pod: main(pod).restart_count >= 1)
    assert any("timed out" in text for reason, text in here.events("long") if reason == "Unhealthy")


def test_probes_do_what_the_documentation_says(shared: CriServer, tmp_path: Path) -> None:
    run_together(
        shared, tmp_path, a_program_that_fails, a_page_that_is_an_error, a_port_that_is_closed,
        a_slow_start_is_protected, what_never_starts_is_subject_to_the_policy, who_is_not_ready_is_not_ended,
        a_probe_that_takes_too_long, max_restart_delay=1,
    )  # fmt: skip

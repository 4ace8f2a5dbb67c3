"""What the server tells of itself while it works: metrics, health, and its log as JSON."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.cri_server import CriServer
from tests.support.netns import World
from tests.support.waiting import eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")

EXITED = 2
SETTINGS = """
[cri]
log_format = "json"
[cri.metrics]
address = "unix:{place}/metrics.sock"
"""


@pytest.fixture
def server(here: World, tmp_path: Path) -> Iterator[CriServer]:
    server = CriServer(tmp_path / "cri", SETTINGS)
    server.start()
    yield server
    server.clean_up()


def ask(server: CriServer, path: str) -> tuple[int, str]:
    """The status and the text of a page."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(server.place / "metrics.sock"))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(1 << 16), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


def metrics(server: CriServer) -> dict[tuple[str, str], float]:
    """The values by name and labels but those of the service."""
    status, text = ask(server, "/metrics")
    assert status == 200
    return {
        (one.name, " ".join(one.labels[key] for key in sorted(one.labels) if key not in ("grpc_service", "grpc_type"))):
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }  # fmt: skip


def test_metrics_tell_what_was_done_and_what_there_is(server: CriServer) -> None:
    pod = server.pod()
    server.run(pod, "sleep 1000", "runs")
    ended = server.run(pod, "exit 0", "ends")
    server.create(pod, "exit 0", "waits")
    other = server.pod()
    server("StopPodSandbox", pod_sandbox_id=other)
    with pytest.raises(grpc.RpcError):
        server("StartContainer", container_id="nowhere")
    eventually(lambda: server.status(ended).state == EXITED)
    found = metrics(server)
    expected = {
        ("firkin_cri_containers", "created"): 1,
        ("firkin_cri_containers", "running"): 1,
        ("firkin_cri_containers", "exited"): 1,
        ("firkin_cri_containers", "unknown"): 0,
        ("firkin_cri_sandboxes", "ready"): 1,
        ("firkin_cri_sandboxes", "notready"): 1,
        ("grpc_server_handled_total", "OK StartContainer"): 2,
        ("grpc_server_handled_total", "NotFound StartContainer"): 1,
        ("grpc_server_started_total", "StartContainer"): 3,
        ("grpc_server_handling_seconds_count", "OK RunPodSandbox"): 2,
        ("firkin_cri_network_plugin_operations_total", "set_up_pod"): 2,
        ("firkin_cri_network_plugin_operations_total", "tear_down_pod"): 1,
        ("firkin_cri_containers_oom_total", ""): 0,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["process_resident_memory_bytes", ""] > 10 << 20


def test_health_is_told_apart_from_readiness(server: CriServer) -> None:
    assert ask(server, "/healthz") == (200, "[+]loop ok\n[+]database ok\nok\n")
    assert ask(server, "/readyz") == (200, "[+]serving ok\n[+]database ok\n[+]network ok\nok\n")
    (server.place / "cni").mkdir()
    (server.place / "cni" / "10-broken.conflist").write_text("{")
    status, text = ask(server, "/readyz")
    assert (status, "[-]network failed: " in text) == (503, True)
    assert ask(server, "/healthz")[0] == 200
    (server.place / "cni" / "10-broken.conflist").unlink()


def test_the_log_has_each_call_with_its_code(server: CriServer) -> None:
    pod = server.pod()
    with pytest.raises(grpc.RpcError):
        server("StopContainer", container_id="")
    lines = [json.loads(line) for line in server.log().splitlines()]
    done = [one for one in lines if one.get("call") == "RunPodSandbox" and one.get("code")]
    assert [(one["code"], one["msg"]) for one in done] == [("OK", "done")]
    (refused,) = [one for one in lines if one.get("call") == "StopContainer"]
    assert (refused["code"], refused["level"]) == ("INVALID_ARGUMENT", "info")
    assert len({one["request"] for one in lines if one.get("code")}) == len([one for one in lines if one.get("code")])
    server("RemovePodSandbox", pod_sandbox_id=pod)
    last = json.loads(server.log().splitlines()[-1])
    assert (last["call"], last["pod"]) == ("RemovePodSandbox", pod)

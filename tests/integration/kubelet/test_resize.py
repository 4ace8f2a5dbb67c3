"""Pods are resized where they run: by their manifest, and when another pod has made room."""

from __future__ import annotations

from pathlib import Path

import pytest

from firkin.kubelet.api.pod import Pod
from firkin.kubelet.http.message import Request, Response
from tests.support.agent import Node, is_ready, main, manifest, run
from tests.support.cri_server import CriServer

pytestmark = pytest.mark.requires("root", "cgroup2", "bridge")


def sized(name: str, cpu: int) -> str:
    """A pod that requests so many thousandths of a processor."""
    return manifest(name, "terminationGracePeriodSeconds: 0", more=f"resources: {{requests: {{cpu: {cpu}m}}}}")


def told(pod: Pod) -> dict[str, str]:
    """The conditions of a resize, with their reasons."""
    return {one.type: one.reason for one in pod.status.conditions if one.type.startswith("PodResize")}


def has(pod: Pod, cpu: int) -> bool:
    """Whether this is what it was given, and has got."""
    return is_ready(pod) and not told(pod) and main(pod).allocated_resources == {"cpu": f"{cpu}m"}


def test_a_manifest_of_which_only_resources_change_resizes_its_pod(shared: CriServer, tmp_path: Path) -> None:
    place = tmp_path / "manifests" / "web.yaml"
    place.parent.mkdir()

    def write(text: str) -> None:
        (tmp_path / "web.yaml").write_text(text)
        (tmp_path / "web.yaml").rename(place)

    async def script(here: Node) -> None:
        write(sized("web", 100))
        first = await here.wait("web-node", lambda pod: has(pod, 100))
        write(sized("web", 200))
        second = await here.wait("web-node", lambda pod: has(pod, 200))
        assert second.metadata.uid == first.metadata.uid
        assert (main(second).container_id, main(second).restart_count) == (main(first).container_id, 0)
        write(sized("web", 10**8))
        stuck = await here.wait("web-node", lambda pod: told(pod) == {"PodResizePending": "Infeasible"})
        assert is_ready(stuck) and main(stuck).allocated_resources == {"cpu": "200m"}
        reasons = {reason for reason, _ in here.events("web-node") if reason.startswith("Resize")}
        assert reasons == {"ResizeStarted", "ResizeCompleted", "ResizeInfeasible"}
        # Anything else makes another pod of it.
        write(sized("web", 200).replace("sleep 1000", "sleep 2000"))
        other = await here.wait("web-node", lambda pod: pod.metadata.uid != first.metadata.uid and has(pod, 200))
        assert main(other).container_id != main(first).container_id
        place.unlink()
        await here.wait_gone("web-node")

    run(shared, tmp_path, script)


def test_a_resize_waits_until_another_pod_has_made_room(shared: CriServer, tmp_path: Path) -> None:
    async def resize(here: Node, cpu: int) -> None:
        path = "/api/v1/namespaces/default/pods/grows/resize"
        body = f'{{"spec": {{"containers": [{{"name": "main", "resources": {{"requests": {{"cpu": "{cpu}m"}}}}}}]}}}}'
        headers = {"content-type": "application/strategic-merge-patch+json"}
        answer = await here.agent.api.handle(Request("PATCH", path, headers, body.encode()))
        assert isinstance(answer, Response) and answer.status == 200, answer

    async def script(here: Node) -> None:
        total = here.agent.machine.allocatable.cpu
        here.apply(sized("holds", total - 200))
        here.apply(sized("grows", 100))
        before = await here.wait("grows", lambda pod: has(pod, 100))
        await here.wait("holds", is_ready)
        await resize(here, 300)
        await here.wait("grows", lambda pod: told(pod) == {"PodResizePending": "Deferred"})
        here.delete("holds")
        after = await here.wait("grows", lambda pod: has(pod, 300))
        assert main(after).container_id == main(before).container_id
        here.delete("grows")
        await here.wait_gone("grows")

    run(shared, tmp_path, script)

"""The API answers as Kubernetes' does: objects, lists, tables, patches, deletes, and what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from firkin.kubelet.api.meta import ObjectMeta
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.api.pod_status import PodStatus
from firkin.kubelet.http.message import Answer, Request, Response
from tests.support.agent_api import ApiCaller

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
STRATEGIC = "strategic-merge-patch+json"
APPLY = "apply-patch+yaml"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiCaller]:
    caller = ApiCaller(tmp_path)
    yield caller
    caller.objects.close()


def pod(name: str = "web", **labels: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "c:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def deployment(replicas: int = 1) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "d"}}, "spec": pod()["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def test_what_is_created_is_completed_and_read_back(api: ApiCaller) -> None:
    status, made = api.call("POST", PODS, pod())
    assert status == 201
    assert made["metadata"]["namespace"] == "default" and made["metadata"]["uid"]
    assert (made["spec"]["restartPolicy"], made["spec"]["nodeName"]) == ("Always", "node")
    assert made["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert list(made)[:3] == ["apiVersion", "kind", "metadata"]
    assert api.call("GET", f"{PODS}/web") == (200, made)
    status, answer = api.call("POST", PODS, pod())
    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert answer["message"] == 'pods "web" already exists'


def test_what_is_wrong_is_told_as_kubernetes_tells_it(api: ApiCaller) -> None:
    broken = pod()
    broken["spec"]["containers"][0] |= {"imagePullPolicy": "X", "name": "C"}
    status, answer = api.call("POST", PODS, broken)
    assert (status, answer["reason"], answer["kind"]) == (422, "Invalid", "Status")
    assert answer["message"].startswith('Pod "web" is invalid: [spec.containers[0].name: Invalid value: "C"')
    assert [cause["field"] for cause in answer["details"]["causes"]] == [
        "spec.containers[0].name",
        "spec.containers[0].imagePullPolicy",
    ]
    assert api.call("GET", f"{PODS}/none")[1]["message"] == 'pods "none" not found'
    assert api.call("GET", f"{DEPLOYMENTS}/none")[1]["message"] == 'deployments.apps "none" not found'
    for method, path, body, code in (
        ("GET", "/api/v1/namespaces/default/services", None, 404),
        ("GET", "/api/v1/pods/web", None, 404),
        ("PUT", PODS, pod(), 405),
        ("POST", "/api/v1/pods", pod(), 405),
        ("POST", PODS, b"{", 400),
        ("POST", PODS, [], 400),
        ("POST", PODS, config(), 400),
        ("POST", PODS, {**pod(), "metadata": {"name": "a", "namespace": "other"}}, 400),
        ("POST", PODS, {**pod(), "spec": {"containers": 5}}, 400),
        ("GET", f"{PODS}?labelSelector=a+b", None, 400),
        ("GET", f"{PODS}?fieldSelector=a", None, 400),
        ("PATCH", f"{PODS}/none", {}, 404),
    ):
        assert api.call(method, path, body)[0] == code, (method, path)
    assert api.call("POST", PODS, b"\x00", "cbor")[0] == 415
    assert api.call("POST", PODS, b"\x00", "vnd.kubernetes.protobuf")[0] == 400


def test_unknown_fields_are_refused_or_told(api: ApiCaller) -> None:
    broken = pod() | {"speck": 1}
    status, answer = api.call("POST", f"{PODS}?fieldValidation=Strict", broken)
    assert (status, answer["message"]) == (400, 'strict decoding error: unknown field "speck"')
    answer_ = api.request("POST", PODS, broken)
    assert answer_.headers["warning"] == '299 - "unknown field \\"speck\\""'
    other = {**broken, "metadata": {"name": "other"}}
    assert "warning" not in api.request("POST", f"{PODS}?fieldValidation=Ignore", other).headers
    status, answer = api.call("POST", f"{PODS}?fieldValidation=Maybe", broken)
    assert (status, answer["message"]) == (
        422,
        'fieldValidation: Unsupported value: "Maybe": supported values: "", "Ignore", "Strict", "Warn"',
    )


def test_fields_that_are_there_twice_are_refused_or_told(api: ApiCaller) -> None:
    text = b'{"metadata": {"name": "m"}, "data": {"a": "1", "b": "x", "a": "2"}, "data": {"a": "3"}}'
    status, answer = api.call("POST", f"{MAPS}?fieldValidation=Strict", text)
    told = 'duplicate field "data.a", duplicate field "data"'
    assert (status, answer["message"]) == (400, f"strict decoding error: {told}")
    answer_ = api.request("POST", MAPS, text)
    assert answer_.headers["warning"] == '299 - "duplicate field \\"data.a\\"", 299 - "duplicate field \\"data\\""'
    assert api.call("GET", f"{MAPS}/m")[1]["data"] == {"a": "3"}


def test_lists_are_of_what_is_selected(api: ApiCaller) -> None:
    for name in ("a", "b"):
        api.call("POST", PODS, pod(name, app=name))
    api.call("POST", PODS.replace("default", "other"), pod("c", app="a"))

    def names(query: str, path: str = PODS) -> list[str]:
        _, value = api.call("GET", f"{path}?{query}")
        assert (value["kind"], value["metadata"]["resourceVersion"]) == ("PodList", api.objects.version)
        return [item["metadata"]["name"] for item in value["items"]]

    assert names("") == ["a", "b"]
    assert names("", "/api/v1/pods") == ["a", "b", "c"]
    assert names("labelSelector=app%3Da", "/api/v1/pods") == ["a", "c"]
    assert names("fieldSelector=metadata.name%3Db") == ["b"]
    assert names("fieldSelector=status.phase!%3DPending,spec.nodeName%3Dnode") == []


def test_tables_are_what_kubectl_prints(api: ApiCaller) -> None:
    api.call("POST", PODS, pod())
    status, table = api.call("GET", PODS, accept=TABLE)
    assert (status, table["kind"]) == (200, "Table")
    names = [column["name"] for column in table["columnDefinitions"] if not column["priority"]]
    assert names == ["Name", "Ready", "Status", "Restarts", "Age"]
    (row,) = table["rows"]
    assert row["cells"][:4] == ["web", "0/1", "Pending", "0"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    for kind in ("configmaps", "secrets", "events", "nodes"):
        assert api.call("GET", f"/api/v1/{kind}", accept=TABLE)[1]["rows"] == []


def test_updates_need_the_state_that_was_read(api: ApiCaller) -> None:
    api.call("POST", MAPS, config(a="1"))
    _, read = api.call("GET", f"{MAPS}/c")
    read["data"]["a"] = "2"
    assert api.call("PUT", f"{MAPS}/c", read)[0] == 200
    status, answer = api.call("PUT", f"{MAPS}/c", read)
    assert (status, answer["reason"]) == (409, "Conflict")
    assert api.call("PUT", f"{MAPS}/c", config(a="3"))[1]["data"] == {"a": "3"}


def test_a_dry_run_changes_nothing(api: ApiCaller) -> None:
    assert api.call("POST", f"{PODS}?dryRun=All", pod())[0] == 201
    assert api.objects.list(Pod) == []
    api.call("POST", PODS, pod())
    assert api.call("DELETE", f"{PODS}/web?dryRun=All")[0] == 200
    assert api.objects.list(Pod)[0].metadata.deletion_timestamp is None


def test_patches_of_all_kinds(api: ApiCaller) -> None:
    api.call("POST", DEPLOYMENTS, deployment())
    image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "c:2"}]}}}}
    _, value = api.call("PATCH", f"{DEPLOYMENTS}/d", image, STRATEGIC)
    assert value["metadata"]["generation"] == 2
    assert value["spec"]["template"]["spec"]["containers"][0]["image"] == "c:2"
    _, value = api.call("PATCH", f"{DEPLOYMENTS}/d", {"spec": {"replicas": 0}}, "merge-patch+json")
    assert value["spec"]["replicas"] == 0
    operation = [{"op": "replace", "path": "/spec/replicas", "value": 4}]
    assert api.call("PATCH", f"{DEPLOYMENTS}/d", operation, "json-patch+json")[1]["spec"]["replicas"] == 4
    assert api.call("PATCH", f"{DEPLOYMENTS}/d", {"spec": {"replicas": -1}}, "merge-patch+json")[0] == 422
    assert api.call("PATCH", f"{DEPLOYMENTS}/d", operation, "other")[0] == 415
    assert api.call("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 2}})[1]["spec"] == {"replicas": 2}
    assert api.call("GET", f"{DEPLOYMENTS}/d/scale")[1]["status"]["selector"] == "app=d"


def test_apply_makes_changes_and_takes_back(api: ApiCaller) -> None:
    assert api.call("PATCH", f"{MAPS}/c", config(a="1", b="2"), APPLY)[0] == 201
    api.call("PATCH", f"{MAPS}/c", {"data": {"other": "3"}}, "merge-patch+json")
    status, value = api.call("PATCH", f"{MAPS}/c", config(a="9"), APPLY)
    assert (status, value["data"]) == (200, {"a": "9", "other": "3"})
    version = value["metadata"]["resourceVersion"]
    assert api.call("PATCH", f"{MAPS}/c", config(a="9"), APPLY)[1]["metadata"]["resourceVersion"] == version
    # The pod as it is has much that was not applied: applying it again changes nothing.
    _, made = api.call("PATCH", f"{PODS}/web", pod(), APPLY)
    assert api.call("PATCH", f"{PODS}/web", pod(), APPLY)[1] == made


def test_status_is_written_by_its_own_path(api: ApiCaller) -> None:
    api.call("POST", PODS, pod())
    _, value = api.call("PATCH", f"{PODS}/web", {"status": {"phase": "Failed"}}, "merge-patch+json")
    assert value["status"]["phase"] == "Pending"
    patch = {"status": {"phase": "Failed"}, "metadata": {"labels": {"x": "y"}}}
    _, value = api.call("PATCH", f"{PODS}/web/status", patch, "merge-patch+json")
    assert (value["status"]["phase"], value["metadata"].get("labels")) == ("Failed", None)


def test_a_pod_is_resized_by_its_own_path(api: ApiCaller) -> None:
    made = pod()
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    api.call("POST", PODS, made)
    patch = {"spec": {"containers": [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "2"}}}]}}
    status, answer = api.call("PATCH", f"{PODS}/web", patch, STRATEGIC)
    assert status == 422 and "pod updates may not change fields other than" in answer["message"]
    status, answer = api.call("PATCH", f"{PODS}/web/resize", patch, STRATEGIC)
    (container,) = answer["spec"]["containers"]
    assert (status, container["image"], container["resources"]) == (200, "c:1", {"requests": {"cpu": "2"}})
    patch["spec"]["containers"][0] = {"name": "c", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}
    status, answer = api.call("PATCH", f"{PODS}/web/resize", patch, STRATEGIC)
    assert status == 422 and "Pod QOS Class may not change" in answer["message"]
    status, answer = api.call("PUT", f"{PODS}/web/resize", {**made, "spec": {"containers": [{"name": "d"}]}})
    assert status == 422 and "containers may not be renamed or reordered on resize" in answer["message"]
    assert api.call("GET", f"{PODS}/web/resize")[1]["metadata"]["generation"] == 2


def test_a_pod_goes_when_it_has_ended_and_others_at_once(api: ApiCaller) -> None:
    api.call("POST", PODS, pod())
    status, value = api.call("DELETE", f"{PODS}/web", {"gracePeriodSeconds": 7})
    assert (status, value["metadata"]["deletionGracePeriodSeconds"]) == (200, 7)
    status, value = api.call("DELETE", f"{PODS}/web", {"preconditions": {"uid": "other"}})
    assert (status, value["reason"]) == (409, "Conflict")
    status, value = api.call("DELETE", f"{PODS}/web?gracePeriodSeconds=0")
    assert (value["status"], value["details"]["name"]) == ("Success", "web")
    for name in ("a", "b"):
        api.call("POST", PODS, pod(name, app=name))
    api.objects.set_status(Pod, "default", "a", PodStatus(phase="Succeeded"))
    api.call("DELETE", f"{PODS}?labelSelector=app%3Da")
    assert [item.metadata.name for item in api.objects.list(Pod)] == ["b"]
    api.call("POST", MAPS, config())
    assert api.call("DELETE", f"{MAPS}/c")[1]["status"] == "Success"
    assert api.call("DELETE", f"{MAPS}/c")[0] == 404


def test_what_belongs_to_what_is_deleted_may_be_left(api: ApiCaller) -> None:
    _, owner = api.call("POST", DEPLOYMENTS, deployment())
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": owner["metadata"]["uid"]}
    api.call("POST", PODS, {**pod(), "metadata": {"name": "web", "ownerReferences": [reference]}})
    api.call("DELETE", f"{DEPLOYMENTS}/d", {"propagationPolicy": "Orphan"})
    assert "ownerReferences" not in api.call("GET", f"{PODS}/web")[1]["metadata"]
    api.call("POST", DEPLOYMENTS, deployment())
    _, value = api.call("DELETE", f"{DEPLOYMENTS}/d", {"propagationPolicy": "Foreground"})
    assert value["metadata"]["finalizers"] == ["foregroundDeletion"] and value["metadata"]["deletionTimestamp"]


def test_a_static_pod_is_changed_in_its_manifest(api: ApiCaller) -> None:
    source = {"kubernetes.io/config.source": "file"}
    api.call("POST", PODS, {**pod("claims"), "metadata": {"name": "claims", "annotations": source}})
    patch = {"metadata": {"annotations": source}}
    assert api.call("PATCH", f"{PODS}/claims", patch, "merge-patch+json")[1]["metadata"].get("annotations") is None
    api.objects.create(Pod(metadata=ObjectMeta(name="web", namespace="default", annotations=source)))
    for method, body in (("DELETE", None), ("PUT", pod()), ("PATCH", {"metadata": {"labels": {"a": "b"}}})):
        status, answer = api.call(method, f"{PODS}/web", body, "merge-patch+json" if method == "PATCH" else "json")
        assert (status, answer["reason"]) == (403, "Forbidden")
        assert "is of a manifest: change or remove file" in answer["message"]


def lines(api: ApiCaller, path: str, count: int) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        stream = api.stream_of(await api.api.handle(Request("GET", path)))
        async with asyncio.timeout(60):
            async for line in stream:
                found.append(json.loads(line))
                if len(found) == count:
                    break
        await stream.aclose()
        return found

    return asyncio.run(read())


def test_a_watch_tells_what_is_there_and_what_changes(api: ApiCaller) -> None:
    api.call("POST", PODS, pod("a", app="x"))
    api.call("POST", PODS, pod("b", app="y"))
    version = api.objects.version
    api.call("POST", PODS, pod("passing"))
    api.call("DELETE", f"{PODS}/passing?gracePeriodSeconds=0")
    api.call("PATCH", f"{PODS}/a", {"metadata": {"labels": {"app": "y"}}}, "merge-patch+json")
    api.call("DELETE", f"{PODS}/b?gracePeriodSeconds=0")

    def told(query: str, count: int) -> list[tuple[str, str]]:
        return [
            (one["type"], one["object"]["metadata"].get("name", "")) for one in lines(api, f"{PODS}?{query}", count)
        ]

    assert told("watch=1", 1) == [("ADDED", "a")]
    assert told(f"watch=1&resourceVersion={version}", 2) == [("MODIFIED", "a"), ("DELETED", "b")]
    # A bookmark says that all that was there has been told.
    assert told("watch=1&sendInitialEvents=true", 2) == [("ADDED", "a"), ("BOOKMARK", "")]
    assert told("watch=1&timeoutSeconds=0", 9) == [("ADDED", "a")]
    (error,) = lines(api, f"{PODS}?watch=1&resourceVersion=999", 9)
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)


def relabel(api: ApiCaller, label: str) -> None:
    def relabelled(item: Pod) -> Pod:
        return replace(item, metadata=replace(item.metadata, labels={"app": label}))

    api.objects.change(Pod, "default", "a", relabelled)


def test_what_ceases_to_be_selected_is_deleted_for_who_watches(api: ApiCaller) -> None:
    async def run() -> list[str]:
        api.objects.create(made)
        answer = await api.api.handle(Request("GET", f"{PODS}?watch=1&labelSelector=app%3Dx"))
        stream = api.stream_of(answer)
        seen = []
        for label in ("x", "y", "x"):
            relabel(api, label)
            seen.append(json.loads(await anext(stream))["type"])
        await stream.aclose()
        return seen

    made = Pod(metadata=ObjectMeta(name="a", namespace="default", labels={"app": "x"}))
    assert asyncio.run(run()) == ["ADDED", "DELETED", "ADDED"]


def test_clients_find_out_what_there_is(api: ApiCaller) -> None:
    assert api.call("GET", "/api")[1]["versions"] == ["v1"]
    assert [group["name"] for group in api.call("GET", "/apis")[1]["groups"]] == ["apps", "batch", "metrics.k8s.io"]
    resources = {one["name"]: one for one in api.call("GET", "/api/v1")[1]["resources"]}
    assert resources["pods"]["shortNames"] == ["po"] and "pods/log" in resources
    assert api.call("GET", "/version")[1]["major"] == "1"
    for path in api.call("GET", "/openapi/v3")[1]["paths"]:
        assert api.call("GET", f"/openapi/v3/{path}")[0] == 200
    assert api.request("GET", "/healthz").body == b"ok"
    assert api.api.serves("/apis/apps/v1/deployments") and not api.api.serves("/pods")


def test_parts_of_pods_are_served_by_others(api: ApiCaller) -> None:
    async def log(request: Request, pod: Pod) -> Answer:
        return Response(200, pod.metadata.name.encode())

    api.call("POST", PODS, pod())
    assert api.call("GET", f"{PODS}/web/log")[0] == 404
    api.api._parts = {"log": log}
    assert api.request("GET", f"{PODS}/web/log").body == b"web"
    assert api.call("GET", f"{PODS}/none/log")[0] == 404
    assert api.call("POST", f"{PODS}/web/eviction", {"kind": "Eviction"})[1]["metadata"]["deletionTimestamp"]

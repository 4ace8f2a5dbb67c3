"""Manifests become objects with an identity of their own; what is wrong with one is told, and the rest goes on."""

from __future__ import annotations

from firkin.kubelet.api.config import ConfigMap
from firkin.kubelet.api.meta import Resource
from firkin.kubelet.api.pod import Pod
from firkin.kubelet.sources.manifest import HASH, MIRROR, SOURCE, Manifest, read_manifest
from firkin.kubelet.sources.reconcile import Plan, collect, decide, key_of

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: 'c:1'}]}\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"


def read(text: str, origin: str = "/m/x.yaml") -> Manifest:
    return read_manifest(text.encode(), origin, source="file", node="node")


def one(text: str, origin: str = "/m/x.yaml") -> Resource:
    manifest = read(text, origin)
    assert manifest.complaints == ()
    return manifest.items[0]


def test_a_static_pod_is_named_after_the_node_and_known_by_all_that_it_says() -> None:
    pod = one(POD)
    assert isinstance(pod, Pod)
    metadata = pod.metadata
    assert (metadata.name, metadata.namespace, pod.spec.node_name) == ("web-node", "default", "node")
    assert metadata.annotations[SOURCE] == "file"
    assert metadata.uid == metadata.annotations[HASH] == metadata.annotations[MIRROR]
    assert one(POD).metadata.uid == metadata.uid
    for other in (one(POD.replace("c:1", "c:2")), one(POD, "/m/y.yaml")):
        assert other.metadata.uid != metadata.uid


def test_what_is_wrong_with_one_document_does_not_hold_up_the_others() -> None:
    text = "---\n".join([POD + "speck: 1\n", "apiVersion: v1\nkind: Service\n", POD.replace("web", "Web"), MAP])
    manifest = read(text)
    assert [item.kind for item in manifest.items] == ["Pod", "ConfigMap"]
    assert manifest.is_whole
    unknown, kind, name = manifest.complaints
    assert unknown == '/m/x.yaml:5:1: unknown field "speck"'
    assert kind.startswith('/m/x.yaml:8:1: kind: no matches for kind "Service" in version "v1"')
    assert name.startswith('/m/x.yaml:12:12: metadata.name: Invalid value: "Web"')


def test_what_can_not_be_read_is_not_whole() -> None:
    assert read("a: b: c") == Manifest(
        (), ("/m/x.yaml:1:5: mapping values are not allowed in this context",), is_whole=False
    )


def plan(wanted: list[Resource], there: list[Resource], complete: tuple[str, ...] = ("file", "http")) -> Plan:
    return decide({key_of(item): item for item in wanted}, {key_of(item): item for item in there}, complete)


def test_objects_become_what_manifests_say() -> None:
    pod, other, config = one(POD), one(POD.replace("c:1", "c:2")), one(MAP)
    changed = one(MAP.replace("b}", "c}"))
    assert plan([pod, config], []) == Plan(create=(pod, config))
    assert plan([pod, config], [pod, config]) == Plan()
    assert plan([changed], [config]) == Plan(replace=(changed,))
    # Another pod with the same name comes when the one before has gone.
    assert plan([other], [pod]) == Plan(delete=(pod,))
    assert plan([], [pod, config]) == Plan(delete=(pod, config))
    # What is not said yet may still be.
    assert plan([], [pod], ("http",)) == Plan()


def test_what_is_going_is_waited_for() -> None:
    from datetime import UTC, datetime

    import msgspec

    pod, other = one(POD), one(POD.replace("c:1", "c:2"))
    metadata = msgspec.structs.replace(pod.metadata, deletion_timestamp=datetime.now(UTC))
    going = msgspec.structs.replace(pod, metadata=metadata)
    assert plan([other], [going]) == plan([], [going]) == Plan()


def test_what_was_made_through_the_api_is_left_alone() -> None:
    import msgspec

    config = one(MAP)
    made = msgspec.structs.replace(config, metadata=msgspec.structs.replace(config.metadata, annotations={}))
    assert plan([], [made]) == Plan()
    complaint = "/m/x.yaml: ConfigMap default/c was made through the API, and is left as it is"
    assert plan([config], [made]) == Plan(complaints=(complaint,))
    assert isinstance(made, ConfigMap)


def test_of_two_with_the_same_name_the_first_file_counts() -> None:
    first, second = one(POD, "/m/a.yaml"), one(POD, "/m/b.yaml")
    wanted, complaints = collect({"/m/b.yaml": [second], "/m/a.yaml": [first]})
    assert list(wanted.values()) == [first]
    assert complaints == ["/m/b.yaml: Pod default/web-node is described in /m/a.yaml already"]

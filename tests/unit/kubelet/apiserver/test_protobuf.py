"""The binary form of objects is read as their JSON would be, and what is none is refused."""

from __future__ import annotations

import random

import pytest

from firkin.errors import ConfigError
from firkin.kubelet.apiserver.field_numbers import fields_of
from firkin.kubelet.apiserver.protobuf import read_protobuf


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def part(number: int, value: int | bytes | str) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(kind: str, *parts: bytes, version: str = "v1") -> bytes:
    """An object, whose fields are `parts`."""
    return b"k8s\0" + part(1, part(1, version) + part(2, kind)) + part(2, b"".join(parts)) + part(3, "") + part(4, "")


METADATA = part(1, part(1, "web") + part(3, "") + part(8, b"") + part(11, part(1, "app") + part(2, "x")))


def test_an_object_is_as_in_json() -> None:
    port = part(1, "") + part(2, 0) + part(3, 80) + part(4, "")
    probe = part(1, part(2, part(1, "/") + part(2, part(1, 1) + part(2, 0) + part(3, "http")))) + part(2, 0)
    resources = part(1, part(1, "cpu") + part(2, part(1, "500m")))
    container = part(1, "c") + part(2, "c:1") + part(3, "a") + part(3, "b") + part(6, port) + part(8, resources)
    grace = part(4, 0)
    spec = part(2, container + part(10, probe)) + part(3, "") + grace + part(25, -5) + part(27, 0)
    assert read_protobuf(body("Pod", METADATA, part(2, spec))) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "x"}},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "c:1",
                    "command": ["a", "b"],
                    "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": "500m"}},
                    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
                }
            ],
            "terminationGracePeriodSeconds": 0,
            "priority": -5,
            "shareProcessNamespace": False,
        },
    }


def test_bytes_and_times() -> None:
    data = part(2, part(1, "k") + part(2, b"\xff\0"))
    made = part(1, part(1, "s") + part(8, part(1, 1_600_000_000)))
    value = read_protobuf(body("Secret", made, data))
    assert value["data"] == {"k": "/wA="}
    assert value["metadata"]["creationTimestamp"] == "2020-09-13T12:26:40Z"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "does not begin as the protobuf form"),
        (b"k8s\0", "an object without a kind is not read from protobuf"),
        (body("Service"), "Service is not read from protobuf; send JSON"),
        (body("Pod", part(99, 1)), "has a field of number 99, which is not known here"),
        (body("Pod", METADATA)[:-20], "is not protobuf, or a part of it is missing"),
        (body("Pod", part(1, 5)), "has a number where a message must be"),
        (body("Pod", part(2, part(4, "x"))), "has a message where a number must be"),
        (body("Pod", part(1, part(1, b"\xff"))), "has text that is not UTF-8"),
        (body("Pod", varint(1 << 3 | 3)), "is not protobuf"),
        (b"k8s\0" + b"\xff" * 20, "is not protobuf"),
    ],
)
def test_what_is_none_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_protobuf(content)


def test_whatever_comes_is_an_object_or_refused() -> None:
    chance = random.Random(7)
    whole = body("Pod", METADATA, part(2, part(2, part(1, "c") + part(6, part(3, 80)))))
    for _ in range(3000):
        mutated = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            mutated[chance.randrange(4, len(mutated))] = chance.randrange(256)
        try:
            assert read_protobuf(bytes(mutated))["kind"]
        except ConfigError:
            continue


def test_messages_that_are_named_are_there() -> None:
    todo, seen = ["Pod", "ConfigMap", "Secret", "Deployment", "ReplicaSet", "DaemonSet", "Job", "CronJob"], set[str]()
    while todo:
        fields = fields_of(name := todo.pop())
        assert fields, name
        seen.add(name)
        kinds = {field.type.lstrip("*%") for field in fields.values()}
        todo += [kind for kind in kinds if len(kind) > 1 and kind not in seen]
    assert len(seen) > 60

"""Documents are read as Kubernetes reads them, and what is wrong is told with line and column."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import ConfigError
from firkin.kubelet.objects.documents import read_documents


def values(text: str) -> list[dict[str, Any]]:
    return [document.value for document in read_documents(text.encode(), "x.yaml")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("'yes'", "yes"),
        ("y", True),
        ("N", False),
        ("0644", 0o644),
        ("0o17", 15),
        ("0x1F", 31),
        ("-12", -12),
        ("1_000", 1000),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("100m", "100m"),
        ("!!str 5", "5"),
        ('!!int "5"', 5),
        ("~", None),
        ("", None),
        ('""', ""),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
        ("<<", "<<"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    assert values(f"a: {text}") == [{"a": value}]


def test_keys_are_text() -> None:
    assert values("{1: a, true: b, 1.5: c, null: d}") == [{"1": "a", "true": "b", "1.5": "c", "null": "d"}]


def test_there_may_be_many_documents_and_empty_ones() -> None:
    text = "# nothing\n---\na: 1\n---\n---\n# here\nb: 2\n...\n"
    assert values(text) == [{"a": 1}, {"b": 2}]
    assert values("") == values("\n# only a comment\n") == []
    assert values("{a: 1,}") == [{"a": 1}]
    assert values('{"a": 1}\n{"b": 2}\n') == [{"a": 1}, {"b": 2}]
    assert values("\ufeffa: 1") == [{"a": 1}]


def test_a_list_is_its_items() -> None:
    text = "kind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n- {kind: List, items: [{kind: Secret}]}\n"
    assert [value["kind"] for value in values(text)] == ["Pod", "Secret"]
    assert values('{"kind": "PodList", "apiVersion": "v1", "items": [{"x": 1}]}') == [
        {"apiVersion": "v1", "kind": "Pod", "x": 1}
    ]
    pod = read_documents(text.encode(), "x.yaml")[0]
    assert pod.place("metadata.name") == "x.yaml:4:14"


def test_anchors_and_merges() -> None:
    text = "base: &base {a: 1, b: 2}\nmade: {<<: *base, b: 3}\nboth: {<<: [{a: 9}, *base]}"
    assert values(text)[0]["made"] == {"a": 1, "b": 3}
    assert values(text)[0]["both"] == {"a": 9, "b": 2}


def test_places_are_those_of_the_nearest_that_is_there() -> None:
    text = "kind: Pod\nmetadata:\n  labels:\n    app.x/y: 1\nspec:\n  containers:\n  - name: a\n"
    (document,) = read_documents(text.encode(), "x.yaml")
    assert document.place("metadata.labels[app.x/y]") == "x.yaml:4:5"
    assert document.place("spec.containers[0].image") == "x.yaml:7:5"
    assert document.place("status.phase") == "x.yaml:1:1"


JSON = """{"kind": "Pod",
 "metadata": {"labels": {"app.x/y": "1", "quo\\"ted": {}}},
 "spec": {"empty": [], "containers": [
   {"name": "a, b: [c]", "args": ["x",
    "y"]}, {"name": 5}]}}
{"kind": "Secret",
 "data": 5}
"""


@pytest.mark.parametrize(
    ("number", "path", "place"),
    [
        (0, "", "1:1"),
        (0, "kind", "1:2"),
        (0, "metadata.labels[app.x/y]", "2:26"),
        (0, 'metadata.labels.quo"ted', "2:42"),
        (0, "spec.empty", "3:11"),
        (0, "spec.empty[0]", "3:11"),
        (0, "spec.containers[0]", "4:4"),
        (0, "spec.containers[0].name", "4:5"),
        (0, "spec.containers[0].args[1]", "5:5"),
        (0, "spec.containers[1].name", "5:13"),
        (0, "spec.containers[1].image", "5:12"),
        (0, "status.phase", "1:1"),
        (1, "data", "7:2"),
        (1, "metadata", "6:1"),
    ],
)
def test_places_in_json(number: int, path: str, place: str) -> None:
    assert read_documents(JSON.encode(), "x.json")[number].place(path) == f"x.json:{place}"


def test_places_in_json_that_is_deep() -> None:
    text = '{"a":' * 400 + "1" + "}" * 400
    (document,) = read_documents(text.encode(), "x.json")
    assert document.place(".".join(["a"] * 400)) == "x.json:1:1997"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: b: c", "1:5", "mapping values are not allowed in this context"),
        ("a:\n\t- b", "2:1", "found character that cannot start any token"),
        ("a: [1,\nb: 2", "3:1", "did not find expected ',' or ']'"),
        ("a: 1\nb: *none", "2:4", "undefined alias"),
        ("a: 1\na: 2", "2:1", "key 'a' is there twice"),
        ("a: &x [*x]", "1:4", "nested too deep, or contains itself"),
        ("- a", "1:1", "is no mapping"),
        ("just text", "1:1", "is no mapping"),
        ("? [a]\n: b", "1:3", "a key must be text"),
        ("<<: 5", "1:5", "<< merges mappings only"),
        ("a: !!int x", "1:4", "'x' is no int"),
        ('{"a": 1}\n{"b" 2}', "2:", "did not find expected"),
        ('{"a": NaN}', "1:1", "NaN is no number"),
        ('{"a": 1, "a": 2}', "1:1", "key 'a' is there twice"),
        ("items: [1]\nkind: List", "1:9", "is no mapping"),
        ("[" * 5000, "1:", ""),
        ('{"a":' * 5000, "1:", ""),
    ],
)
def test_what_is_broken_is_told_with_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_documents(text.encode(), "x.yaml")
    assert str(caught.value).startswith(f"x.yaml:{place}")
    assert reason in str(caught.value)


def test_bytes_that_are_no_text_are_told_with_their_place() -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml:2:4: is no text in UTF-8"):
        read_documents(b"a: 1\nb: \xff", "x.yaml")


def test_aliases_can_not_make_much_of_little() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="aliases that stand for too many"):
        values("\n".join(lines))

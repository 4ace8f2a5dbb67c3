"""Patches of all kinds do what their specifications say."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.apiserver.merge import (
    PatchError,
    apply_json_patch,
    apply_merge_patch,
    apply_strategic_patch,
    merge_applied,
)


# RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c"], ["c"]),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches(value: Any, patch: Any, result: Any) -> None:
    assert apply_merge_patch(value, patch) == result


# RFC 6902, appendix A.
@pytest.mark.parametrize(
    ("value", "operations", "result"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
        ({"a": {"x": 1}, "b": {}}, [{"op": "move", "from": "/a/x", "path": "/b/y"}], {"a": {}, "b": {"y": 1}}),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"a/b~c": 1}, [{"op": "test", "path": "/a~1b~0c", "value": 1}], {"a/b~c": 1}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": 5}], 5),
    ],
)
def test_json_patches(value: Any, operations: Any, result: Any) -> None:
    assert apply_json_patch(value, operations) == result


@pytest.mark.parametrize(
    "operations",
    [
        {},
        [1],
        [{"op": "remove", "path": "/none"}],
        [{"op": "test", "path": "/a", "value": 2}],
        [{"op": "add", "path": "/l/9", "value": 1}],
        [{"op": "add", "path": "/l/01", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "fly", "path": "/a"}],
        [{"op": "add", "path": "/b"}],
        [{"path": "/a"}],
    ],
)
def test_json_patches_that_do_not_fit(operations: Any) -> None:
    value = {"a": 1, "l": [1]}
    with pytest.raises(PatchError):
        apply_json_patch(value, operations)
    assert value == {"a": 1, "l": [1]}


POD = {
    "metadata": {"finalizers": ["a"], "labels": {"x": "1"}},
    "spec": {"containers": [{"name": "a", "image": "a:1", "args": ["1", "2"]}, {"name": "b", "image": "b:1"}]},
}


@pytest.mark.parametrize(
    ("patch", "path", "result"),
    [
        ({"spec": {"containers": [{"name": "b", "image": "b:2"}]}}, "spec.containers.1", {"name": "b", "image": "b:2"}),
        ({"spec": {"containers": [{"name": "c"}]}}, "spec.containers.2", {"name": "c"}),
        ({"spec": {"containers": [{"name": "a", "args": ["3"]}]}}, "spec.containers.0.args", ["3"]),
        ({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}, "spec.containers.0.name", "b"),
        ({"spec": {"containers": [{"$patch": "replace"}, {"name": "z"}]}}, "spec.containers", [{"name": "z"}]),
        ({"metadata": {"$patch": "replace", "name": "n"}}, "metadata", {"name": "n"}),
        ({"metadata": {"labels": {"x": None, "y": "2"}}}, "metadata.labels", {"y": "2"}),
        ({"metadata": {"finalizers": ["b", "a"]}}, "metadata.finalizers", ["a", "b"]),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, "metadata.finalizers", []),
        ({"metadata": {"$retainKeys": ["labels"]}}, "metadata", {"labels": {"x": "1"}}),
        ({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, "spec.containers.0.name", "b"),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "n"}, {"name": "a"}], "containers": [{"name": "n"}]}},
            "spec.containers.0.name",
            "n",
        ),
    ],
)
def test_strategic_patches(patch: Any, path: str, result: Any) -> None:
    found: Any = apply_strategic_patch(POD, patch)
    for step in path.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]
    assert found == result


def test_an_item_without_its_key_does_not_fit() -> None:
    with pytest.raises(PatchError, match="an item of containers has no name"):
        apply_strategic_patch(POD, {"spec": {"containers": [{"image": "x"}]}})


def test_what_is_not_applied_any_more_goes_and_what_others_set_stays() -> None:
    last = {"data": {"a": "1", "b": "2"}, "containers": [{"name": "a", "image": "1", "tty": True}, {"name": "b"}]}
    current = {
        "data": {"a": "1", "b": "2", "other": "x"},
        "containers": [{"name": "a", "image": "1", "tty": True, "policy": "P"}, {"name": "b"}, {"name": "other"}],
        "status": 5,
    }
    new = {"data": {"a": "9"}, "containers": [{"name": "new"}, {"name": "a", "image": "2"}]}
    assert merge_applied(current, last, new) == {
        "data": {"a": "9", "other": "x"},
        "containers": [{"name": "new"}, {"name": "a", "image": "2", "policy": "P"}, {"name": "other"}],
        "status": 5,
    }

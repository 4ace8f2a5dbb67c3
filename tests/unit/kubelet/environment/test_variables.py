"""The variables of a container: where they come from, in which order, and what is said when something is missing."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.kubelet.environment.errors import VariableError
from firkin.kubelet.environment.facts import Facts
from firkin.kubelet.environment.variables import variables
from tests.support.pods import Shelf, pod_of


def _shelf() -> Shelf:
    shelf = Shelf()
    shelf.config_map("conf", color="red", shape="round", ref="$(color)")
    shelf.secret("keys", password=b"hunter2", color=b"blue", binary=b"\xff\xfe")
    shelf.secret("plain", token=b"t")
    return shelf


def _variables(env: list[dict[str, Any]], env_from: list[dict[str, Any]] | None = None) -> dict[str, str]:
    pod = pod_of({"containers": [{"name": "main", "env": env, "envFrom": env_from or []}]}, labels={"app": "web"})
    found = variables(pod, pod.spec.containers[0], _shelf(), Facts(pod_ips=("10.1.0.5",)))
    assert len(dict(found)) == len(found)
    return dict(found)


def _from(**source: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": source}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ([{"name": "A", "value": "1"}], {"A": "1"}),
        ([{"name": "A"}], {"A": ""}),
        ([{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)/$(C)"}, {"name": "C", "value": "3"}],
         {"A": "1", "B": "1/$(C)", "C": "3"}),
        ([{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}], {"A": "12"}),
        ([_from(fieldRef={"fieldPath": "metadata.labels['app']"})], {"X": "web"}),
        ([_from(fieldRef={"fieldPath": "status.podIP"}), {"name": "Y", "value": "http://$(X)"}],
         {"X": "10.1.0.5", "Y": "http://10.1.0.5"}),
        ([_from(resourceFieldRef={"resource": "requests.cpu"})], {"X": "0"}),
        ([_from(configMapKeyRef={"name": "conf", "key": "color"})], {"X": "red"}),
        ([_from(configMapKeyRef={"name": "conf", "key": "ref"}), {"name": "color", "value": "?"}],
         {"X": "$(color)", "color": "?"}),
        ([_from(secretKeyRef={"name": "keys", "key": "password"})], {"X": "hunter2"}),
        ([_from(configMapKeyRef={"name": "conf", "key": "no", "optional": True})], {}),
        ([_from(configMapKeyRef={"name": "no", "key": "no", "optional": True})], {}),
        ([_from(secretKeyRef={"name": "no", "key": "no", "optional": True})], {}),
    ],
)  # fmt: skip
def test_single_variables(env: list[dict[str, Any]], expected: dict[str, str]) -> None:
    assert _variables(env) == expected


def test_whole_objects_come_first_and_later_ones_win() -> None:
    sources: list[dict[str, Any]] = [
        {"configMapRef": {"name": "conf"}},
        {"secretRef": {"name": "plain"}, "prefix": "P_"},
    ]
    found = _variables([{"name": "shape", "value": "$(shape)er"}], sources)
    assert found == {"color": "red", "shape": "rounder", "ref": "$(color)", "P_token": "t"}
    assert list(found)[-1] == "P_token"


def test_optional_objects_may_be_missing() -> None:
    sources: list[dict[str, Any]] = [
        {"configMapRef": {"name": "no", "optional": True}}, {"secretRef": {"name": "no", "optional": True}},
    ]  # fmt: skip
    assert _variables([], sources) == {}


@pytest.mark.parametrize(
    ("env", "env_from", "message"),
    [
        ([_from(configMapKeyRef={"name": "conf", "key": "no"})], [], "couldn't find key no in ConfigMap default/conf"),
        ([_from(secretKeyRef={"name": "keys", "key": "no"})], [], "couldn't find key no in Secret default/keys"),
        ([_from(configMapKeyRef={"name": "no", "key": "a"})], [], 'configmap "no" not found'),
        ([_from(secretKeyRef={"name": "no", "key": "a"})], [], 'secret "no" not found'),
        ([], [{"configMapRef": {"name": "no"}}], 'configmap "no" not found'),
        ([], [{"secretRef": {"name": "no"}}], 'secret "no" not found'),
        ([_from(fieldRef={"fieldPath": "status.phase"})], [], "unsupported fieldPath: status.phase"),
        ([], [{"secretRef": {"name": "keys"}}],
         "key binary in Secret default/keys is not UTF-8, as the variables of a container must be "
         "(mount it as a volume)"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_the_words_of_kubernetes(
    env: list[dict[str, Any]], env_from: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(VariableError) as raised:
        _variables(env, env_from)
    assert str(raised.value) == message


def test_a_variable_of_one_key_does_not_mind_others_that_are_no_text() -> None:
    assert _variables([_from(secretKeyRef={"name": "keys", "key": "password"})]) == {"X": "hunter2"}

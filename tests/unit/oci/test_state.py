from __future__ import annotations

import json

import pytest

from firkin.errors import ConfigError
from firkin.oci.json_text import parse
from firkin.oci.record import decode
from firkin.oci.state import STATUSES, ContainerProcessState, State, state_text

STATE = State(oci_version="1.3.0", id="c1", status="created", pid=4422, bundle="/containers/c1", annotations={"k": "v"})


def test_the_state_is_one_line_of_json() -> None:
    assert state_text(STATE) == (
        '{"ociVersion":"1.3.0","id":"c1","status":"created","pid":4422,"bundle":"/containers/c1",'
        '"annotations":{"k":"v"}}'
    )


def test_the_state_can_be_indented() -> None:
    assert state_text(STATE, 2).splitlines()[:2] == ["{", '  "ociVersion": "1.3.0",']


def test_a_container_without_process_has_no_pid() -> None:
    state = State(oci_version="1.3.0", id="c1", status="stopped", bundle="/b")
    assert json.loads(state_text(state)) == {"ociVersion": "1.3.0", "id": "c1", "status": "stopped", "bundle": "/b"}


def test_the_state_is_read_back() -> None:
    assert decode(State, parse(state_text(STATE), "state.json")) == STATE


def test_a_state_without_bundle_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^state\.json: bundle: required field is missing$"):
        decode(State, {"ociVersion": "1.3.0", "id": "a", "status": STATUSES[0]}, document="state.json")


def test_a_seccomp_agent_gets_the_state_with_its_descriptors() -> None:
    process = ContainerProcessState(oci_version="1.3.0", fds=("seccompFd",), pid=4422, metadata="m", state=STATE)
    assert json.loads(state_text(process)) == {
        "ociVersion": "1.3.0",
        "fds": ["seccompFd"],
        "pid": 4422,
        "metadata": "m",
        "state": json.loads(state_text(STATE)),
    }

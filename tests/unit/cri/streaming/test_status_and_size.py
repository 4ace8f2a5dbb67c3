"""How a command ended, and how large its terminal is."""

from __future__ import annotations

import json

import pytest

from firkin.cri.streaming.events import Resize
from firkin.cri.streaming.resize import ResizeReader
from firkin.cri.streaming.status import Status


def test_success_is_a_document_and_no_text() -> None:
    assert json.loads(Status.exited(0).document()) == {"metadata": {}, "status": "Success"}
    assert Status.exited(0).text() == b""


def test_an_exit_code_is_the_cause_of_a_failure() -> None:
    document = json.loads(Status.exited(137).document())
    assert (document["status"], document["reason"]) == ("Failure", "NonZeroExitCode")
    assert document["details"]["causes"] == [{"reason": "ExitCode", "message": "137"}]
    assert Status.exited(137).text() == document["message"].encode() == b"command terminated with exit code 137"


def test_a_failure_of_firkin_says_why() -> None:
    document = json.loads(Status.failed('no "ü"').document())
    assert (document["status"], document["reason"], document["code"]) == ("Failure", "InternalError", 500)
    assert Status.failed('no "ü"').text().decode() == document["message"] == 'no "ü"'


SIZES = b'{"Width":80,"Height":24}\n{"height": 50, "width": 132, "More": [1]}\n'


def test_sizes_whole_and_in_bytes() -> None:
    expected = [Resize(80, 24), Resize(132, 50)]
    assert ResizeReader().receive(SIZES) == expected
    reader = ResizeReader()
    assert [size for byte in SIZES for size in reader.receive(bytes([byte]))] == expected
    assert reader.receive(SIZES[:30]) == expected[:1]
    assert reader.receive(SIZES[30:]) == expected[1:]
    assert ResizeReader().receive(SIZES * 1000) == expected * 1000


@pytest.mark.parametrize(
    "text",
    [
        "{}", '{"Width":80}', '{"Width":0,"Height":24}', '{"Width":-1,"Height":24}', '{"Width":65536,"Height":24}',
        '{"Width":80.5,"Height":24}', '{"Width":"80","Height":24}', '{"Width":true,"Height":true}',
        '{"Width":null,"Height":24}', '{"Width":NaN,"Height":24}',
    ],
)  # fmt: skip
def test_what_is_no_size_is_passed_over(text: str) -> None:
    assert ResizeReader().receive(text.encode() + SIZES) == [Resize(80, 24), Resize(132, 50)]


@pytest.mark.parametrize(
    "text", ["[80, 24]", "80", "x", "{" + " " * 300, "{" + '"a":[' * 50, "\xff{", '{"a"}' + "x" * 300]
)
def test_behind_what_is_no_json_no_size_is_found(text: str) -> None:
    reader = ResizeReader()
    assert reader.receive(text.encode("latin-1")) == []
    for _ in range(100):
        assert reader.receive(SIZES) == []
    assert len(reader._text) < 1000


def test_nested_objects_do_not_exhaust_the_stack() -> None:
    reader = ResizeReader()
    for _ in range(100):
        assert reader.receive(b'{"a":' * 100) == []

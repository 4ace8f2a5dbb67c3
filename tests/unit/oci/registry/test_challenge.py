"""The field WWW-Authenticate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.oci.registry.challenge import challenges


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([], []),
        (["Basic"], [("basic", {})]),
        (['Basic realm="a"'], [("basic", {"realm": "a"})]),
        (['Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"'],
         [("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:a/b:pull,push"})]),
        (['BEARER Realm = "a\\"b" , Service=plain'], [("bearer", {"realm": 'a"b', "service": "plain"})]),
        (['Basic realm="a", Bearer realm="b",service="c"'],
         [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "service": "c"})]),
        (["Negotiate", 'Basic realm="a"'], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (["Negotiate, Basic"], [("negotiate", {}), ("basic", {})]),
        (['Bearer realm="a'], [("bearer", {})]),
        ([""], []),
        (["=,="], []),
    ],
)  # fmt: skip
def test_challenges_are_read(fields: list[str], found: list[tuple[str, dict[str, str]]]) -> None:
    assert challenges(fields)[: len(found)] == found
    assert bool(challenges(fields)) == bool(found)


@given(st.lists(st.text(alphabet='Bearer =",\\ab \t', max_size=60)))
def test_no_text_is_too_strange(fields: list[str]) -> None:
    for challenge in challenges(fields):
        assert challenge.scheme and challenge.scheme == challenge.scheme.lower()

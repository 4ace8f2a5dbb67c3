"""Whatever a document has in its fields, it is taken or refused: nothing else comes of it."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firkin.kubelet.objects.decode import Shape, decode
from firkin.kubelet.objects.defaults import complete
from firkin.kubelet.objects.encode import encode
from firkin.kubelet.objects.kinds import KINDS, Kind
from firkin.kubelet.objects.validation.check import InvalidError, check

NUMBERS = st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=9)
ANYTHING = st.recursive(SCALARS, lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some))
WORDS = st.sampled_from(["", "a", "web", "Always", "In", "1", "64Mi", "../x", "/x", "metadata.name", "limits.cpu", "*"])


def fitting(draw: st.DrawFn, kind: Any, depth: int) -> Any:
    """A value of a type, or something that is none, now and then."""
    if depth > 5 or draw(st.integers(0, 19)) == 0:
        return draw(ANYTHING)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return fitting(draw, draw(st.sampled_from(arguments)), depth)
    if origin is list:
        return [fitting(draw, arguments[0], depth + 1) for _ in range(draw(st.integers(0, 2)))]
    if origin is dict:
        return {key: fitting(draw, arguments[1], depth + 1) for key in draw(st.lists(WORDS, max_size=2))}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structure(draw, kind, depth + 1)
    return draw({str: WORDS, bool: st.booleans(), int: st.integers(-2, 70000)}.get(kind, SCALARS))


def structure(draw: st.DrawFn, kind: type[msgspec.Struct], depth: int) -> dict[str, Any]:
    shape = Shape.of(kind)
    chosen = draw(st.lists(st.sampled_from(sorted(shape.fields)), max_size=6, unique=True))
    return {name: fitting(draw, shape.fields[name].type, depth) for name in {*chosen, *shape.required}}


@st.composite
def documents(draw: st.DrawFn) -> tuple[Kind, dict[str, Any]]:
    kind = draw(st.sampled_from(KINDS))
    value = {"metadata": {"name": "x"}, **structure(draw, kind.type, 0)}
    return kind, {**value, "apiVersion": kind.api_version, "kind": kind.name}


def structures(kind: Any) -> set[type[msgspec.Struct]]:
    """The structures that a type is made of."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {one for part in typing.get_args(kind) for one in structures(part)}
    return {kind}.union(*(structures(field.type) for field in Shape.of(kind).fields.values()))


VALUES: tuple[Any, ...] = (
    None, True, -1, 1 << 70, 0.5, "", "x", "1Gi", [], ["x"], [None], [{}], {}, {"x": "y"}, {"x": None}, {"x": [1]},
    {"x": {"y": 1}}, [[]],
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_field_of_each_structure_is_taken_or_refused(kind: Kind) -> None:
    for one in structures(kind.type):
        for name in Shape.of(one).fields:
            for value in VALUES:
                item, problems, _ = decode({name: value}, one)
                assert item is not None or problems, (one, name, value)


@settings(max_examples=300, deadline=None)
@given(documents())
def test_a_document_is_taken_or_refused(document: tuple[Kind, dict[str, Any]]) -> None:
    kind, value = document
    item, problems, _ = decode(value, kind.type)
    if item is None:
        assert problems
        return
    whole = complete(item, node="node")
    try:
        check(whole)
    except InvalidError as error:
        assert error.faults
        return
    again, problems, unknown = decode(encode(whole), kind.type)
    assert (again, problems, unknown) == (whole, [], [])

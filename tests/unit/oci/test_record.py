from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from firkin.errors import ConfigError
from firkin.oci.encoding import encode, unknown_fields
from firkin.oci.record import NOTHING, Record, decode, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firkin.oci.record import Int32, Int64, Uint16, Uint32, Uint64


class Stave(Record):
    length: int
    wood: str = "oak"


class Cask(Record, head_id="headID"):
    name: str
    empty: bool = False
    head_id: Uint16 | None = None
    litres: Uint32 = 0
    drops: Uint64 = 0
    change: Int32 = 0
    balance: Int64 = 0
    strength: float = 0.0
    marks: tuple[str, ...] = ()
    codes: tuple[Uint16, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()
    labels: Mapping[str, str] = NOTHING
    first_stave: Stave | None = None
    staves: tuple[Stave, ...] = ()
    spares: Mapping[str, Stave] = NOTHING
    note: object = None


FULL: dict[str, Any] = {
    "name": "pin",
    "empty": True,
    "headID": 7,
    "litres": 4294967295,
    "drops": 18446744073709551615,
    "change": -2147483648,
    "balance": -9223372036854775808,
    "strength": 0.5,
    "marks": ["a", "b"],
    "codes": [0, 65535],
    "rows": [[1, 2], []],
    "labels": {"a.b": "c"},
    "firstStave": {"length": 1, "wood": "ash"},
    "staves": [{"length": 2}, {"length": 3, "wood": "oak"}],
    "spares": {"left": {"length": 4}},
    "note": {"any": ["thing", None]},
}


def error_of(document: dict[str, Any], path: str = "", **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        decode(Cask, document, path, document="cask.json", **options)
    return str(caught.value)


def test_every_kind_of_field_is_typed() -> None:
    cask = decode(Cask, FULL)
    assert cask == Cask(
        name="pin",
        empty=True,
        head_id=7,
        litres=4294967295,
        drops=18446744073709551615,
        change=-2147483648,
        balance=-9223372036854775808,
        strength=0.5,
        marks=("a", "b"),
        codes=(0, 65535),
        rows=((1, 2), ()),
        labels={"a.b": "c"},
        first_stave=Stave(length=1, wood="ash"),
        staves=(Stave(length=2), Stave(length=3)),
        spares={"left": Stave(length=4)},
        note={"any": ["thing", None]},
    )


def test_a_document_is_encoded_as_it_was_decoded() -> None:
    assert encode(decode(Cask, FULL)) == FULL
    assert list(encode(decode(Cask, FULL))) == list(FULL)


def test_absent_fields_have_defaults_and_stay_absent() -> None:
    cask = decode(Cask, {"name": "pin"})
    assert (cask.empty, cask.head_id, cask.marks, cask.labels, cask.note) == (False, None, (), {}, None)
    assert encode(cask) == {"name": "pin"}


def test_a_default_that_is_written_out_is_kept() -> None:
    document = {"name": "pin", "empty": False, "marks": [], "labels": {}, "litres": 0}
    assert encode(decode(Cask, document)) == document


def test_null_counts_as_absent() -> None:
    assert decode(Cask, {"name": "pin", "headID": None, "marks": None, "firstStave": None}) == Cask(name="pin")
    assert error_of({"name": None}) == "cask.json: name: required field is missing"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 1}, "name: expected a string, got 1"),
        ({"name": {}}, "name: expected a string, got an object"),
        ({"name": "x", "empty": 1}, "empty: expected true or false, got 1"),
        ({"name": "x", "empty": "true"}, 'empty: expected true or false, got "true"'),
        ({"headID": 65536}, "headID: expected an unsigned 16-bit integer, got 65536"),
        ({"headID": True}, "headID: expected an unsigned 16-bit integer, got true"),
        ({"litres": -1}, "litres: expected an unsigned 32-bit integer, got -1"),
        ({"litres": 4294967296}, "litres: expected an unsigned 32-bit integer, got 4294967296"),
        ({"litres": 1.0}, "litres: expected an unsigned 32-bit integer, got 1.0"),
        ({"drops": 18446744073709551616}, "drops: expected an unsigned 64-bit integer, got 18446744073709551616"),
        ({"change": 2147483648}, "change: expected a signed 32-bit integer, got 2147483648"),
        ({"change": -2147483649}, "change: expected a signed 32-bit integer, got -2147483649"),
        ({"balance": 9223372036854775808}, "balance: expected a signed 64-bit integer, got 9223372036854775808"),
        ({"strength": "high"}, 'strength: expected a number, got "high"'),
        ({"strength": True}, "strength: expected a number, got true"),
        ({"marks": "a"}, 'marks: expected an array, got "a"'),
        ({"marks": {}}, "marks: expected an array, got an object"),
        ({"marks": ["a", 1]}, "marks[1]: expected a string, got 1"),
        ({"marks": ["a", None]}, "marks[1]: expected a string, got null"),
        ({"codes": [1, 2, -1]}, "codes[2]: expected an unsigned 16-bit integer, got -1"),
        ({"codes": [False]}, "codes[0]: expected an unsigned 16-bit integer, got false"),
        ({"rows": [[1], [2, "3"]]}, 'rows[1][1]: expected an integer, got "3"'),
        ({"rows": [[True]]}, "rows[0][0]: expected an integer, got true"),
        ({"labels": []}, "labels: expected an object, got an array"),
        ({"labels": {"a.b": 1}}, 'labels["a.b"]: expected a string, got 1'),
        ({"labels": {"a": None}}, 'labels["a"]: expected a string, got null'),
        ({"firstStave": []}, "firstStave: expected an object, got an array"),
        ({"firstStave": {"wood": "ash"}}, "firstStave.length: required field is missing"),
        ({"firstStave": {"length": "x"}}, 'firstStave.length: expected an integer, got "x"'),
        ({"staves": [{"length": 1}, {"length": 2, "wood": 5}]}, "staves[1].wood: expected a string, got 5"),
        ({"staves": [None]}, "staves[0]: expected an object, got null"),
        ({"staves": [{}]}, "staves[0].length: required field is missing"),
        ({"spares": {'a"b': {"length": None}}}, 'spares["a\\"b"].length: required field is missing'),
        ({"name": ["x" * 90]}, "name: expected a string, got an array"),
        ({"litres": "x" * 90}, f'litres: expected an unsigned 32-bit integer, got "{"x" * 56}...'),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_path(change: dict[str, Any], message: str) -> None:
    assert error_of({"name": "x", **change}) == f"cask.json: {message}"


def test_the_path_starts_where_the_value_stands_in_its_document() -> None:
    assert error_of({}, "cellar.casks[2]") == "cask.json: cellar.casks[2].name: required field is missing"
    assert error_of({"name": "x", "marks": [1]}, "cask").startswith("cask.json: cask.marks[0]: ")
    with pytest.raises(ConfigError, match=r"^config\.json: expected an object, got an array$"):
        decode(Cask, [])


def test_a_whole_number_is_a_number() -> None:
    cask = decode(Cask, {"name": "x", "strength": 2})
    assert isinstance(cask.strength, float)
    assert cask.strength == 2.0


UNKNOWN: dict[str, Any] = {
    "name": "pin",
    "colour": "red",
    "os.version": 1,
    "firstStave": {"length": 1, "age": {"years": 3}},
    "staves": [{"length": 1}, {"length": 2, "age": None}],
    "spares": {"left": {"length": 4, "age": 1}},
    "extra": 5,
}
UNKNOWN_PATHS = ["colour", '["os.version"]', "extra", "firstStave.age", "staves[1].age", 'spares["left"].age']


def test_unknown_fields_are_kept_and_written_back() -> None:
    cask = decode(Cask, UNKNOWN)
    assert cask.extra == {"colour": "red", "os.version": 1, "extra": 5}
    assert encode(cask) == UNKNOWN


def test_unknown_fields_are_found_at_any_depth() -> None:
    found: list[str] = []
    cask = decode(Cask, UNKNOWN, unknown=found)
    assert found == UNKNOWN_PATHS
    assert list(unknown_fields(cask, "casks[0]"))[:2] == ["casks[0].colour", 'casks[0]["os.version"]']


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_strict_refuses_each_unknown_field(path: str) -> None:
    document = copy.deepcopy(UNKNOWN)
    for other in UNKNOWN_PATHS:
        if other != path:
            remove(document, other)
    assert error_of(document, strict=True) == f"cask.json: {path}: unknown field"


def remove(document: dict[str, Any], path: str) -> None:
    holders = {
        "firstStave.age": document["firstStave"],
        "staves[1].age": document["staves"][1],
        'spares["left"].age': document["spares"]["left"],
    }
    key = path.rpartition(".")[2] if path in holders else path.strip('[]"')
    del holders.get(path, document)[key]


def test_strict_accepts_what_is_known() -> None:
    assert encode(decode(Cask, FULL, strict=True)) == FULL


def test_a_record_can_not_be_changed() -> None:
    cask = Cask(name="pin")
    with pytest.raises(AttributeError, match="Cask is immutable: can not set 'name'"):
        cask.name = "tun"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="Cask is immutable: can not delete 'name'"):
        del cask.name
    with pytest.raises(TypeError):
        cask.labels["a"] = "b"  # type: ignore[index]


def test_the_constructor_knows_its_fields() -> None:
    with pytest.raises(TypeError, match="Cask has no field 'size'"):
        Cask(name="pin", size=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Cask needs the field 'name'"):
        Cask()  # type: ignore[call-arg]
    assert Cask(name="pin", extra={"a": 1}).extra == {"a": 1}


def test_records_are_equal_by_value_and_class() -> None:
    assert Cask(name="pin") == Cask(name="pin", empty=False, marks=())
    assert Cask(name="pin") != Cask(name="pin", empty=True)
    assert Cask(name="pin") != Cask(name="pin", extra={"a": 1})
    assert Stave(length=1) != Cask(name="pin")
    assert Stave(length=1) != 1


def test_repr_shows_the_fields_that_are_set() -> None:
    assert repr(Cask(name="pin", staves=(Stave(length=1),))) == "Cask(name='pin', staves=(Stave(length=1),))"


def test_replace_makes_a_changed_copy() -> None:
    cask = decode(Cask, {"name": "pin", "litres": 20, "colour": "red"})
    changed = replace(cask, litres=36)
    assert (cask.litres, changed.litres) == (20, 36)
    assert encode(changed) == {"name": "pin", "litres": 36, "colour": "red"}
    with pytest.raises(TypeError, match="no field 'colour'"):
        replace(cask, colour="blue")


def test_a_field_set_to_none_is_not_written() -> None:
    assert encode(Cask(name="pin", head_id=None)) == {"name": "pin"}


def test_records_can_be_copied_and_pickled() -> None:
    cask = decode(Cask, FULL)
    assert copy.deepcopy(cask) == cask
    assert pickle.loads(pickle.dumps(cask)) == cask

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import firkin
from firkin.errors import ConfigError
from firkin.oci.json_text import dump, parse

PACKAGES = str(Path(firkin.__file__).parents[1])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def run_isolated(code: str) -> str:
    """Output of `code` in an interpreter without site packages, that can import firkin."""
    code = f"import sys; sys.path.insert(0, {PACKAGES!r})\n{code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@given(JSON, st.sampled_from([0, 1, 4]))
def test_every_dumped_value_is_parsed_back(value: object, indent: int) -> None:
    text = dump(value, indent)
    assert text.isascii()
    assert parse(text, "x") == value
    assert json.loads(text) == value


@given(JSON, st.sampled_from(["", " ", "\n\t\r "]))
def test_parse_agrees_with_the_json_package(value: object, blank: str) -> None:
    text = blank + json.dumps(value, ensure_ascii=False, indent=2) + blank
    assert parse(text, "x") == value
    assert parse(text.encode(), "x") == value


def test_dump_indents_as_engines_do() -> None:
    assert dump({"a": [1, {}, []], "b": {"c": None}}, 2) == (
        '{\n  "a": [\n    1,\n    {},\n    []\n  ],\n  "b": {\n    "c": null\n  }\n}'
    )


def test_dump_without_indent_has_no_blanks() -> None:
    assert dump({"a": [1, 2.5, True], "é": "\udcff"}) == '{"a":[1,2.5,true],"\\u00e9":"\\udcff"}'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("indent", [0, 2])
def test_dump_refuses_numbers_that_json_does_not_have(value: float, indent: int) -> None:
    with pytest.raises(ValueError):
        dump({"a": value}, indent)


@pytest.mark.parametrize("indent", [0, 2])
def test_dump_refuses_other_types(indent: int) -> None:
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        dump({"a": b"x"}, indent)


@pytest.mark.parametrize("indent", [0, 2])
def test_dump_of_a_value_that_holds_itself_is_an_error(indent: int) -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested too deeply"):
        dump(value, indent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 column 1: expected a value"),
        (" \n ", "line 2 column 2: expected a value"),
        ("{", "line 1 column 2: expecting property name enclosed in double quotes"),
        ('{"a": 1,\n "b" 2}', "line 2 column 6: expecting ':' delimiter"),
        ("[1 2]", "line 1 column 4: expecting ',' delimiter"),
        ("\n\n  [nul]", "line 3 column 4: expected a value"),
        ("[1]\n ]", "line 2 column 2: text after the end of the value"),
        ("01", "line 1 column 2: text after the end of the value"),
        ("{1: 2}", "line 1 column 2: expecting property name enclosed in double quotes"),
        ('"abc', "line 1 column 1: unterminated string"),
        ('"a\tb"', "line 1 column 3: invalid control character"),
        ('["\\x"]', "line 1 column 3: invalid \\escape"),
        ("'a'", "line 1 column 1: expected a value"),
        ("\ufeff{}", "starts with a byte order mark, which JSON does not allow"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark, which JSON does not allow"),
        (b'{"a": "\xff"}', "not UTF-8 text: byte 7 is wrong"),
        (b'"\xed\xa0\x80"', "not UTF-8 text: byte 1 is wrong"),
        ("[NaN]", "NaN is not a JSON number"),
        ("[Infinity]", "Infinity is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("[1e999]", "number 1e999 is out of range"),
        ("[-1e999]", "number -1e999 is out of range"),
        ("9" * 5000, "a number has too many digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('"\\ud800"', "a string holds half of a surrogate pair"),
        ('{"\\udcff": 1}', "a string holds half of a surrogate pair"),
        ('"\udcff"', "a string holds half of a surrogate pair"),
    ],
)
def test_text_that_is_not_json_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "some.json")
    assert caught.value.path == ""
    assert str(caught.value).rstrip(".:") == f"some.json: {message}"


def test_a_trailing_comma_is_refused() -> None:
    # The words differ between versions of Python.
    with pytest.raises(ConfigError, match=r"^x: line 1 column \d: "):
        parse('{"a": 1,}', "x")


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse('"\\ud83d\\ude00"', "x") == "\U0001f600"


def test_the_last_of_duplicate_keys_wins() -> None:
    assert parse('{"a": 1, "a": 2}', "x") == {"a": 2}


def test_reading_and_writing_do_not_import_the_json_package() -> None:
    code = "from firkin.oci.json_text import dump, parse; dump(parse('[1.5, \"\\\\u00e9\"]', 'x'), 2)"
    assert run_isolated(f"{code}\nprint('json' in sys.modules, 're' in sys.modules)") == "False False\n"


def test_a_syntax_error_is_placed_when_json_was_never_imported() -> None:
    code = "from firkin.oci.json_text import parse\ntry: parse('[1 2]', 'x')\nexcept Exception as e: print(e)"
    assert run_isolated(code) == "x: line 1 column 4: expecting ',' delimiter\n"


def test_an_interpreter_without_the_accelerator_behaves_the_same() -> None:
    code = """
sys.modules["_json"] = None
from firkin.oci.json_text import dump, parse
print(dump(parse('{"a": [1, 2.5, "\\\\u00e9"]}', "x")), dump([{}, {"a": 1}], 1).split())
for text in "[1 2]", "[NaN]", "", "[1e999]", '"\\\\ud800"', "[" * 100000:
    try:
        parse(text, "x")
    except Exception as error:
        print(error)
"""
    assert run_isolated(code).splitlines() == [
        "{\"a\":[1,2.5,\"\\u00e9\"]} ['[', '{},', '{', '\"a\":', '1', '}', ']']",
        "x: line 1 column 4: expecting ',' delimiter",
        "x: NaN is not a JSON number",
        "x: line 1 column 1: expected a value",
        "x: number 1e999 is out of range",
        "x: a string holds half of a surrogate pair",
        "x: nested too deeply",
    ]

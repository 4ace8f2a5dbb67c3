"""Values in GVariant's text format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firkin.cgroupfs.systemd.gvariant import parse_gvariant


@pytest.mark.parametrize(
    ("text", "signature", "value"),
    [
        ("5", "i", 5),
        (" -7 ", "i", -7),
        ("uint64 18446744073709551615", "t", (1 << 64) - 1),
        ("byte 0xff", "y", 255),
        ("int16 -32768", "n", -32768),
        ("uint32 010", "u", 8),
        ("0", "i", 0),
        ("@t 5", "t", 5),
        ("1.5", "d", 1.5),
        ("1e3", "d", 1000.0),
        ("double 2", "d", 2.0),
        ("true", "b", True),
        ("boolean false", "b", False),
        ("'a b'", "s", "a b"),
        ('"it\'s"', "s", "it's"),
        (r"'a\n\'\\\u00e9\U0001f37a'", "s", "a\n'\\é🍺"),
        ("objectpath '/a'", "o", "/a"),
        ("['a', 'b']", "as", ["a", "b"]),
        ("@as []", "as", []),
        ("[ uint64 1 , 2 ]", "at", [1, 2]),
        ("@at [1,2]", "at", [1, 2]),
    ],
)
def test_a_text_is_a_type_and_a_value(text: str, signature: str, value: object) -> None:
    assert parse_gvariant(text) == (signature, value)


@pytest.mark.parametrize(
    "text",
    ["", " ", "'", "'a", "a", "5 6", "5x", "0x", "09", "byte 256", "byte -1", "2147483648", "uint64 -1", "uint64 'a'",
     "string 5", "boolean 1", "uint64 true", "uint64 uint32 5", "@t @u 5", "@", "@zz 5", "@(ss) ('a','b')", "[]", "[1",
     "[1,", "[1 2]", "[1,]", "[1,'a']", "[[1]]", "('a', 1)", "{'a': 1}", "<5>", "nothing", "just 5", "b'x'", "1.5.2",
     r"'\u12'", r"'\uzzzz'", r"'\ud800'", "'a\0b'", r"'\U00110000'", r"'\u0000'", "--5", "+-5", "@as 'a'", "int32 1.5",
     "true false", "truefalse", "uint6 4"],
)  # fmt: skip
def test_other_texts_are_refused_with_a_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"at character \d+"):
        parse_gvariant(text)


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    try:
        signature, _ = parse_gvariant(text)
    except ValueError as error:
        assert "at character" in str(error)
    else:
        assert signature.removeprefix("a") in set("bynqiuxtdsogh")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_a_string_in_quotes_is_that_string(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    assert parse_gvariant(f"'{quoted}'") == ("s", text)


@given(st.integers(0, (1 << 64) - 1))
def test_numbers_are_exact(number: int) -> None:
    assert parse_gvariant(f"uint64 {number}") == parse_gvariant(f"uint64 {number:#x}") == ("t", number)

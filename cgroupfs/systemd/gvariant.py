"""Values in GVariant's text format, as annotations give them for properties of units.

Source: https://docs.gtk.org/glib/gvariant-text-format.html; of it the basic types and arrays of one of them.
"""

from __future__ import annotations

import re
import struct

__all__ = ["parse_gvariant"]

_TYPES = {
    "boolean": "b", "byte": "y", "int16": "n", "uint16": "q", "int32": "i", "uint32": "u", "handle": "h", "int64": "x",
    "uint64": "t", "double": "d", "string": "s", "objectpath": "o", "signature": "g",
}  # fmt: skip
_RANGES = {
    "y": (0, 255), "n": (-(1 << 15), (1 << 15) - 1), "q": (0, (1 << 16) - 1), "i": (-(1 << 31), (1 << 31) - 1),
    "u": (0, (1 << 32) - 1), "x": (-(1 << 63), (1 << 63) - 1), "t": (0, (1 << 64) - 1),
}  # fmt: skip
_TEXTS = "sog"
_BLANK = " \t\n\r\f\v"
_KEYWORD = re.compile(r"[a-z][a-z0-9]*")
_TYPE = re.compile(r"@a?[bynqiuxtdsog](?![a-z])")
_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.?[0-9]+(?:[eE][-+]?[0-9]+)?)")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_DEEPEST = 2


def parse_gvariant(text: str) -> tuple[str, object]:
    """The D-Bus signature and the value of `text`.

    A number without a type is an int32, with a decimal point a double. Raises ValueError telling where it is wrong.
    """
    parser = _Parser(text)
    signature, value = parser.value("", 0)
    parser.skip()
    if parser.at < len(text):
        raise parser.wrong("has more after its value")
    return signature, value


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def wrong(self, why: str) -> ValueError:
        return ValueError(f"{why}, at character {self.at + 1}")

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def value(self, wanted: str, depth: int) -> tuple[str, object]:
        # `wanted` is the type that was told in front of the value, "" if none was.
        self.skip()
        first = self.text[self.at : self.at + 1]
        if not first:
            raise self.wrong("ends where a value should be")
        if first == "[":
            return self._array(wanted, depth + 1)
        if first in "'\"":
            return self._typed(wanted or "s", self._string(first), _TEXTS)
        if first.isdigit() or first in "+-.":
            return self._number(wanted)
        return self._word(wanted, depth)

    def _word(self, wanted: str, depth: int) -> tuple[str, object]:
        told = self._match(_TYPE)
        if told and not wanted:
            return self.value(told[1:], depth)
        word = self._match(_KEYWORD)
        if word in ("true", "false"):
            return self._typed(wanted or "b", word == "true", "b")
        if word in _TYPES and not wanted and not told:
            return self.value(_TYPES[word], depth)
        raise self.wrong("is no value of a type that is known")

    def _typed(self, signature: str, value: object, allowed: str) -> tuple[str, object]:
        if signature not in allowed:
            raise self.wrong(f"is not of the type {signature!r} that it is said to be")
        return signature, value

    def _number(self, wanted: str) -> tuple[str, object]:
        digits = self._match(_NUMBER)
        if not digits or self.text[self.at : self.at + 1].isalnum():
            raise self.wrong("is not a number")
        is_hexadecimal = "x" in digits.lower()
        if wanted == "d" or (not is_hexadecimal and not digits.lstrip("+-").isdigit()):
            return self._typed(wanted or "d", self._double(digits), "d")
        signature = wanted or "i"
        # A leading 0 means octal, as in C.
        plain = digits.lstrip("+-")
        try:
            value = int(plain, 16 if is_hexadecimal else 8 if plain[0] == "0" and len(plain) > 1 else 10)
        except ValueError:
            raise self.wrong("is not an octal number") from None
        value = -value if digits[0] == "-" else value
        low, high = _RANGES.get(signature, (0, -1))
        if signature not in _RANGES:
            raise self.wrong(f"is a number, and not of type {signature!r}")
        if not low <= value <= high:
            raise self.wrong(f"is not from {low} to {high}")
        return signature, value

    def _double(self, digits: str) -> float:
        try:
            value = float(digits)
            struct.pack("<d", value)
        except ValueError:
            raise self.wrong("is not a number") from None
        return value

    def _string(self, quote: str) -> str:
        self.at += 1
        parts = []
        while (c := self.text[self.at : self.at + 1]) != quote:
            if not c:
                raise self.wrong(f"has no closing {quote}")
            self.at += 1
            parts.append(self._escaped() if c == "\\" else c)
        self.at += 1
        text = "".join(parts)
        # Half a surrogate pair has no UTF-8.
        if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
            raise self.wrong("holds what no string of D-Bus can hold")
        return text

    def _escaped(self) -> str:
        c = self.text[self.at : self.at + 1]
        self.at += 1
        length = {"u": 4, "U": 8}.get(c)
        if length is None:
            return _ESCAPES.get(c, c)
        digits = self.text[self.at : self.at + length]
        try:
            character = chr(int(digits, 16)) if len(digits) == length and digits.isalnum() else ""
        except (ValueError, OverflowError):
            character = ""
        if not character:
            raise self.wrong(f"has \\{c} without the {length} digits of a character")
        self.at += length
        return character

    def _array(self, wanted: str, depth: int) -> tuple[str, object]:
        if depth == _DEEPEST or (wanted and wanted[0] != "a"):
            raise self.wrong("has an array where none is expected")
        self.at += 1
        element = wanted[1:]
        values: list[object] = []
        while True:
            self.skip()
            if self.text[self.at : self.at + 1] == "]":
                break
            if values:
                self._comma()
            signature, value = self.value(element, depth)
            element = element or signature
            values.append(value)
        self.at += 1
        if not element:
            raise self.wrong("is an empty array of no type, which @as in front of it would tell")
        return f"a{element}", values

    def _comma(self) -> None:
        if self.text[self.at : self.at + 1] != ",":
            raise self.wrong("has no comma between the values of an array")
        self.at += 1

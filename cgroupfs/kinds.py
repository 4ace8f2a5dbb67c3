"""The kinds of values of interface files: numbers, limits, switches, words, lists of processors.

Each checks what it writes as the kernel would, so that the reason is told instead of EINVAL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, Never, TypeAlias

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import MAX, File

__all__ = ["Command", "Flag", "Limit", "Limited", "Number", "NumberList", "Numbers", "Percent", "Text", "Word", "Words"]

Limit: TypeAlias = int | Literal["max"]
"""A number, or the absence of a limit."""


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


class Number(File[int, int | str]):
    """One number of `low` to `high`.

    Parameters: `parse` reads it from people's text (`units.parse_size` and its like).
    """

    def __init__(
        self,
        *args: Any,
        low: int = 0,
        high: int = (1 << 63) - 1,
        parse: Callable[[str], int] = _integer,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.low, self.high, self.parse = low, high, parse
        self.words = f"{low} to {high}" if high < 1 << 40 else "a size such as 512m or 1.5G"

    def decode(self, text: str) -> int:
        return int(text)

    def encode(self, value: int | str) -> list[str]:
        number = value if isinstance(value, int) else self.parse(value)
        if not self.low <= number <= self.high:
            raise ValueError(f"{number} is not within {self.low} to {self.high}")
        return [str(int(number))]


class Limited(File[Limit, int | str]):
    """One number of `low` to `high`, or "max" for no limit."""

    def __init__(
        self,
        *args: Any,
        low: int = 0,
        high: int = (1 << 63) - 1,
        parse: Callable[[str], int] = _integer,
        **options: Any,
    ) -> None:
        super().__init__(*args, **{"default": MAX, **options})
        self.low, self.high, self.parse = low, high, parse
        self.words = f"max, or {low} to {high}" if high < 1 << 40 else "max, or a size such as 512m or 1.5G"

    def decode(self, text: str) -> Limit:
        return decode_limit(text)

    def encode(self, value: int | str) -> list[str]:
        return [encode_limit(value, self.low, self.high, self.parse)]


def decode_limit(text: str) -> Limit:
    """A limit from the kernel's text."""
    return MAX if text.strip() == MAX else int(text)


def encode_limit(value: int | str, low: int, high: int, parse: Callable[[str], int]) -> str:
    """A limit as the kernel's text. Raises ValueError if it is out of range."""
    if isinstance(value, str) and value.strip() == MAX:
        return MAX
    number = value if isinstance(value, int) else parse(value)
    if not low <= number <= high:
        raise ValueError(f"{number} is not within {low} to {high}, nor max")
    return str(int(number))


class Flag(File[bool, bool | int | str]):
    """0 or 1."""

    words = "0 or 1"

    def decode(self, text: str) -> bool:
        return int(text) != 0

    def encode(self, value: bool | int | str) -> list[str]:
        if str(value) not in ("0", "1", "True", "False"):
            raise ValueError("neither 0 nor 1")
        return [str(int(str(value) in ("1", "True")))]


class Command(File[Never, int | str]):
    """A file whose write does something: only `word` can be written."""

    def __init__(self, *args: Any, word: str = "1", **options: Any) -> None:
        super().__init__(*args, **{"access": "w", **options})
        self.word = self.words = word

    def encode(self, value: int | str) -> list[str]:
        if str(value) != self.word:
            raise ValueError(f"only {self.word} can be written")
        return [self.word]


class Text(File[str, str]):
    """Text that is taken as it is."""

    def decode(self, text: str) -> str:
        return text.rstrip("\n")

    def encode(self, value: str) -> list[str]:
        return [value]


class Word(File[str, str]):
    """One of `choices`."""

    def __init__(self, *args: Any, choices: tuple[str, ...], **options: Any) -> None:
        super().__init__(*args, **options)
        self.choices = choices
        self.words = ", ".join(choices)

    def decode(self, text: str) -> str:
        return text.strip()

    def encode(self, value: str) -> list[str]:
        if value not in self.choices:
            raise ValueError(f"is none of {self.words}")
        return [value]


class Words(File[frozenset[str], Never]):
    """Words with spaces between."""

    def decode(self, text: str) -> frozenset[str]:
        return frozenset(text.split())


class Numbers(File[list[int], int | str]):
    """Process or thread ids, a line each; one is written at a time, 0 for the writer."""

    words = "one id of a process or thread, 0 for the writer"

    def decode(self, text: str) -> list[int]:
        return [int(line) for line in text.split()]

    def encode(self, value: int | str) -> list[str]:
        number = value if isinstance(value, int) else _integer(value)
        if not 0 <= number < 1 << 31:
            raise ValueError(f"{number} is no process id")
        return [str(number)]


class NumberList(File[frozenset[int], Iterable[int] | str]):
    """A set of processors or memory nodes, in the kernel's list form; empty for what the parent has."""

    words = "a list such as 0-3,7, or nothing for what the parent has"

    def decode(self, text: str) -> frozenset[int]:
        return units.parse_list(text)

    def encode(self, value: Iterable[int] | str) -> list[str]:
        text = units.format_list(units.parse_list(value) if isinstance(value, str) else value)
        # A write of nothing at all would not reach the kernel.
        return [text or "\n"]


class Percent(File[float | Literal["max"], float | str]):
    """A percentage with two decimals, or "max"."""

    words = "max, or 0 to 100 with at most two decimals"

    def decode(self, text: str) -> float | Literal["max"]:
        return MAX if text.strip() == MAX else float(text)

    def encode(self, value: float | str) -> list[str]:
        if value == MAX:
            return [MAX]
        return [f"{units.parse_percent(value if isinstance(value, str) else f'{value:.2f}'):.2f}"]

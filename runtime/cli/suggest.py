"""Hints for mistyped names; imported only once the mistake is made."""

from __future__ import annotations

from firkin.runtime.cli.commands import GLOBAL_OPTIONS
from firkin.runtime.cli.options import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from firkin.runtime.cli.options import Option

__all__ = ["closest", "distance", "option_hint"]


def distance(first: str, second: str) -> int:
    """The number of letters to insert, delete, replace or swap with their neighbour to turn one word into the other."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, previous, row = row, before, [i]
        for j, other in enumerate(second, 1):
            cost = min(row[-1] + 1, before[j] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]


def closest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that `word` most likely stands for: one that it begins, else the nearest; empty if none is near."""
    names = sorted(candidates)
    begun = [name for name in names if len(word) > 1 and name.startswith(word)]
    if begun:
        return begun[0]
    best = min(names, key=lambda name: distance(word, name), default="")
    return best if best and distance(word, best) <= max(1, len(word) // 3) else ""


def option_hint(word: str, options: tuple[Option, ...], command: str) -> str:
    """What to say about the unknown option `word` (with its dashes) of `command`; empty means the global options."""
    name = word.lstrip("-")
    if command and find(GLOBAL_OPTIONS, name):
        return f"{word} is a global option: it goes before the command"
    near = closest(name, (option.long for option in options))
    if near:
        return f"did you mean --{near}?"
    return f"see firkin {command and command + ' '}--help"

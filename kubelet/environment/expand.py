"""$(NAME) in commands, arguments and variables.

Source: the Kubernetes API, Container.command: `$$` is `$`, and a reference to what is unknown stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["expand", "references"]


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """`text` with each $(NAME) replaced by what `lookup` says of NAME, and left alone where that is None."""
    parts = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        parts.append(text[at:dollar])
        value, at = _reference(text, dollar, lookup)
        parts.append(value)
    parts.append(text[at:])
    return "".join(parts)


def _reference(text: str, dollar: int, lookup: Callable[[str], str | None]) -> tuple[str, int]:
    # What stands for the text from the dollar sign on, and where the rest begins.
    following = text[dollar + 1 : dollar + 2]
    if following == "$":
        return "$", dollar + 2
    if following != "(":
        return text[dollar : dollar + 2], dollar + 2
    end = text.find(")", dollar + 2)
    if end < 0:
        return "$(", dollar + 2
    value = lookup(text[dollar + 2 : end])
    return (text[dollar : end + 1] if value is None else value), end + 1


def references(text: str) -> list[str]:
    """The names that `text` refers to, in their order."""
    found: list[str] = []

    def note(name: str) -> None:
        found.append(name)

    expand(text, note)
    return found

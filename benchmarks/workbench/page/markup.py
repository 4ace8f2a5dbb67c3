"""Elements of HTML and SVG as text. Every string that is not markup already is escaped, wherever it comes from."""

from __future__ import annotations

import html
import unicodedata

__all__ = ["Child", "Markup", "element", "joined", "text"]

Value = str | float | bool | None
_VOID = frozenset({"meta", "br"})


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


Child = Markup | str


def element(tag: str, *children: Child, **attributes: Value) -> Markup:
    """An element. Of names of attributes, `_` is `-` and a last one is dropped; None and False leave one out."""
    parts = [f"<{tag}"]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        written = "" if value is True else f'="{html.escape(_clean(_number(value)))}"'
        parts.append(f" {name.rstrip('_').replace('_', '-')}{written}")
    if tag in _VOID:
        return Markup("".join(parts) + ">")
    return Markup("".join(parts) + f">{joined(*children)}</{tag}>")


def joined(*children: Child) -> Markup:
    """One after the other."""
    return Markup("".join(child if isinstance(child, Markup) else text(child) for child in children))


def text(words: str) -> Markup:
    """Words as they are to be read."""
    return Markup(html.escape(_clean(words)))


def _number(value: str | float | bool) -> str:
    if isinstance(value, float):
        # Finer than what can be seen; shorter.
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def _clean(words: str) -> str:
    # What turns the direction of what follows (Cf), controls a terminal (Cc), or can not be encoded (Cs), is shown as
    # what it is: something that should not be there.
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" else c for c in words)

"""Labels and annotations as text, one on a line: the form that downward API volumes have."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["map_text"]

_SHORT = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
          "\\": "\\\\", '"': '\\"'}  # fmt: skip


def map_text(values: Mapping[str, str]) -> str:
    """`key="value"` lines in the order of keys, values quoted as the %q of Go does, which Kubernetes promises."""
    return "\n".join(f'{key}="{"".join(map(_quoted, values[key]))}"' for key in sorted(values))


def _quoted(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""What a server wants before it answers: the field `WWW-Authenticate`.

Source: RFC 9110, section 11.6.1; distribution docs/spec/auth/token.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Challenge", "challenges"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+|$|(?=,))")
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))[ \t]*')
_SEPARATORS = re.compile(r"[ \t,]*")


class Challenge(NamedTuple):
    """A way to authenticate: `scheme` in lower case, parameters with their names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(fields: Iterable[str]) -> list[Challenge]:
    """All challenges of all fields; what follows something malformed is left out."""
    return [challenge for field in fields for challenge in _parse(field)]


def _parse(field: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = _skip(field, 0)
    while position < len(field):
        scheme = _SCHEME.match(field, position)
        if scheme is None:
            break
        parameters, position = _parameters(field, scheme.end())
        found.append(Challenge(scheme[1].lower(), parameters))
    return found


def _parameters(field: str, position: int) -> tuple[dict[str, str], int]:
    parameters: dict[str, str] = {}
    while parameter := _PARAMETER.match(field, position):
        name, quoted, plain = parameter.groups()
        parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        position = parameter.end()
        if not field.startswith(",", position):
            return parameters, _skip(field, position)
        position = _skip(field, position)
    return parameters, position if parameters else _skip(field, position)


def _skip(field: str, position: int) -> int:
    found = _SEPARATORS.match(field, position)
    return found.end() if found else position

"""Versions of the CNI specification."""

from __future__ import annotations

from collections.abc import Iterable

from firkin.errors import ConfigError

__all__ = ["FIRST", "HIGHEST", "highest", "is_at_least"]

FIRST = "0.1.0"
"""The version of what names none."""

_KNOWN = {
    version: place for place, version in enumerate(("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"))
}
HIGHEST = max(_KNOWN, key=_KNOWN.__getitem__)


def is_at_least(version: str, other: str) -> bool:
    """Whether a known version is `other` or a later one."""
    return _KNOWN[version] >= _KNOWN[other]


def highest(versions: Iterable[str], document: str) -> str:
    """The highest version that is known here. Raises ConfigError if none is."""
    versions = list(versions)
    known = [version for version in versions if version in _KNOWN]
    if not known:
        hint = f"{FIRST} to {HIGHEST} are"
        raise ConfigError("cniVersion", f"{', '.join(versions)} is not supported", document=document, hint=hint)
    return max(known, key=_KNOWN.__getitem__)

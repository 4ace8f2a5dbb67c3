"""The file of the policy: for each scope of names whether its images are allowed, and what they must have.

    [default]
    allow = false

    [image."registry.example/team"]
    digest = true
    verifier = ["/usr/local/bin/check-signature", "--key", "/etc/firkin/team.pub"]
    timeout = 10

A scope is a host, or a host and the first parts of a path. The rule with the longest scope is the only one that counts;
`default` is for what no other is about. Whatever can not be understood is an error: a rule with a typing error would
allow what it was meant to refuse.
"""

from __future__ import annotations

from typing import NamedTuple

from firkin.errors import ConfigError, ImageError
from firkin.oci.image.reference import Reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["POLICY_FILE", "Rule", "load_rules", "rule_for"]

POLICY_FILE = "/etc/firkin/policy.toml"
"""Where the policy is, if nobody says otherwise. Without it all images are allowed."""

_MOST = 1 << 20
_FLAGS = {"allow": True, "digest": False}
_KEYS = frozenset({*_FLAGS, "verifier", "timeout"})
_SECONDS = 30.0
_MOST_SECONDS = 600


class Rule(NamedTuple):
    """What counts for the images of a scope.

    `allow` is whether they may be used at all, `digest` whether they must be named by digest, `verifier` the command
    that has to agree, within so many seconds of `timeout`; `place` is where the rule is, for errors.
    """

    place: str
    allow: bool = True
    digest: bool = False
    verifier: tuple[str, ...] = ()
    timeout: float = _SECONDS


def load_rules(path: str) -> dict[str, Rule]:
    """The rules of a file by their scopes, that of `default` under ""; none if there is no file.

    Raises ConfigError with the key that is wrong, OSError if the file can not be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        return {}
    import tomllib

    if len(data) > _MOST:
        raise ConfigError("", f"is longer than {_MOST} bytes", document=path)
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("", f"is not TOML: {error}", document=path) from None
    for key in document:
        if key not in ("default", "image"):
            raise ConfigError(key, "is neither default nor image", document=path)
    rules = {}
    if "default" in document:
        rules[""] = _rule(document["default"], "default", path)
    for scope, entry in _table(document.get("image", {}), "image", path).items():
        place = f'image."{scope}"'
        _check_scope(scope, place, path)
        rules[scope] = _rule(entry, place, path)
    return rules


def rule_for(rules: Mapping[str, Rule], reference: Reference) -> Rule | None:
    """The rule that counts for an image, None if none does."""
    scope = reference.repository
    while scope and scope not in rules:
        scope = scope.rpartition("/")[0]
    return rules.get(scope)


def _table(value: object, place: str, path: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(place, "is not a table", document=path)
    return value


def _check_scope(scope: str, place: str, path: str) -> None:
    # Two more parts make a name of it that is not completed.
    name = f"{scope}/x/x"
    try:
        found = parse_reference(name)
    except ImageError:
        found = None
    if found is None or found.repository != name or name.startswith("docker://"):
        raise ConfigError(place, "is neither HOST[:PORT] nor HOST[:PORT]/PATH", document=path, hint="such as docker.io")


def _rule(value: object, place: str, path: str) -> Rule:
    entry = _table(value, place, path)
    for key in entry:
        if key not in _KEYS:
            raise ConfigError(f"{place}.{key}", f"is none of {', '.join(sorted(_KEYS))}", document=path)
    verifier = _command(entry.get("verifier", []), f"{place}.verifier", path)
    timeout = _time(entry.get("timeout", _SECONDS), f"{place}.timeout", path)
    flags = {key: _flag(entry.get(key, default), f"{place}.{key}", path) for key, default in _FLAGS.items()}
    return Rule(place, flags["allow"], flags["digest"], verifier, timeout)


def _flag(value: object, place: str, path: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(place, "is neither true nor false", document=path)
    return value


def _command(value: object, place: str, path: str) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise ConfigError(place, "is neither a program nor a list of a program and its arguments", document=path)
    if words and not words[0].startswith("/"):
        raise ConfigError(place, f"{words[0]!r} is not an absolute path", document=path)
    return tuple(words)


def _time(value: object, place: str, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST_SECONDS:
        raise ConfigError(place, f"is not a number of seconds up to {_MOST_SECONDS}", document=path)
    return float(value)

"""What the words of a command line mean: kinds, names, and where they are in the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from firkin.errors import UsageError
from firkin.kubelet.objects.kinds import KINDS, Kind

__all__ = ["Chosen", "choose", "kind_named", "path_of", "shown_name"]


class Chosen(NamedTuple):
    """Objects of a kind: the one with this name, or with "" all of them."""

    kind: Kind
    name: str = ""


def kind_named(word: str) -> list[Kind]:
    """The kinds that a word means: `pod`, `pods`, `po`, `deployments.apps`, `all`. Raises UsageError."""
    text = word.lower()
    if text == "all":
        return [kind for kind in KINDS if kind.in_all]
    for kind in KINDS:
        names = (kind.plural, kind.singular, *kind.short)
        base, _, group = text.partition(".")
        if base in names and group in ("", kind.group, f"{kind.version}.{kind.group}"):
            return [kind]
    raise UsageError(f'the server doesn\'t have a resource type "{word}"')


def choose(words: Sequence[str]) -> list[Chosen]:
    """What `pod web db`, `po,cm`, `pod/web cm/c` or `all` mean. Raises UsageError."""
    if any("/" in word for word in words):
        return [_one(word) for word in words]
    kinds = [kind for word in words[0].split(",") if word for kind in kind_named(word)]
    if not kinds:
        raise UsageError("you must specify the type of resource")
    if len(words) > 1 and len(kinds) > 1:
        raise UsageError("names go with one type of resource only", hint="or write TYPE/NAME")
    return [Chosen(kind, name) for kind in kinds for name in words[1:] or [""]]


def _one(word: str) -> Chosen:
    kind, slash, name = word.partition("/")
    if not slash or not name or "/" in name or "," in kind:
        raise UsageError(f"{word}: is not TYPE/NAME, as the others are")
    (found,) = kind_named(kind) if kind.lower() != "all" else [None]
    if found is None:
        raise UsageError(f"{word}: all has no names")
    return Chosen(found, name)


def path_of(kind: Kind, namespace: str, name: str = "") -> str:
    """The path of objects in the API; `namespace` "" is all of them."""
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"/namespaces/{namespace}" if kind.namespaced and namespace else ""
    return f"{base}{inside}/{kind.plural}" + (f"/{name}" if name else "")


def shown_name(kind: Kind, name: str) -> str:
    """As kubectl names an object: `pod/web`, `deployment.apps/web`."""
    return f"{kind.singular}.{kind.group}/{name}" if kind.group else f"{kind.singular}/{name}"

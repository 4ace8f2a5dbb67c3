"""What the path of a request means: a kind, and of it all objects, those of a namespace, one, or a part of one."""

from __future__ import annotations

from typing import NamedTuple

from firkin.kubelet.objects.kinds import KINDS, Kind

__all__ = ["Target", "parse_target"]

_KINDS = {(kind.group, kind.plural): kind for kind in KINDS}


class Target(NamedTuple):
    """`namespace` is "" for all of them, `name` "" for a list; `part` is a subresource such as log, or ""."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    part: str = ""
    is_watch: bool = False


def parse_target(path: str) -> Target | None:
    """The target of a path such as /api/v1/namespaces/default/pods/web; None if it has none."""
    match path.strip("/").split("/"):
        case ["api", "v1", *rest]:
            group = ""
        case ["apis", group, "v1", *rest]:
            pass
        case _:
            return None
    # An older way to ask for changes.
    is_watch = rest[:1] == ["watch"]
    namespace = ""
    rest = rest[is_watch:]
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3 or "" in rest:
        return None
    plural, name, part = (*rest, "", "")[:3]
    kind = _KINDS.get((group, plural))
    if kind is None or (name and kind.namespaced != bool(namespace)):
        return None
    return Target(kind, namespace, name, part, is_watch)

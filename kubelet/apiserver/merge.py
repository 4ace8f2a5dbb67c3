"""Patches of JSON values: merge patches (RFC 7386), JSON patches (RFC 6902), and those of Kubernetes, which know lists.

In a list whose items have a key, an item of a patch goes for the item with the same key; other lists are replaced.
"""

from __future__ import annotations

import copy
from typing import Any, cast

__all__ = ["PatchError", "apply_json_patch", "apply_merge_patch", "apply_strategic_patch", "merge_applied"]

# The keys of the items of lists, by the name of the list (patchMergeKey in the API's types).
_KEYS = {
    "conditions": "type",
    "containers": "name",
    "containerStatuses": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "hostIPs": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
# Lists of words to which a patch adds.
_SETS = frozenset({"finalizers"})


class PatchError(ValueError):
    """The patch does not fit."""


def apply_merge_patch(value: Any, patch: Any) -> Any:
    """The value with a merge patch applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, one in patch.items():
        if one is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge_patch(result.get(key), one)
    return result


def apply_json_patch(value: Any, operations: Any) -> Any:
    """The value after the operations of a JSON patch. Raises PatchError."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise PatchError("a JSON patch is a list of operations")
    root = {"": copy.deepcopy(value)}
    for number, operation in enumerate(operations):
        try:
            _operate(root, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PatchError(f"operation {number} of the JSON patch does not fit: {operation}") from error
    return root[""]


def _operate(root: Any, operation: dict[str, Any]) -> None:
    path = operation["path"]
    match operation["op"]:
        case "add":
            _add(root, path, operation["value"])
        case "remove":
            _remove(root, path)
        case "replace":
            _remove(root, path)
            _add(root, path, operation["value"])
        case "move":
            _add(root, path, _remove(root, operation["from"]))
        case "copy":
            _add(root, path, copy.deepcopy(_find(root, operation["from"])))
        case "test":
            if _find(root, path) != operation["value"]:
                raise ValueError(path)
        case _:
            raise ValueError(operation["op"])


def _tokens(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(path)
    # The root is a member, too, of the value that holds it.
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")]


def _step(value: Any, token: str) -> Any:
    return value[_index(token)] if isinstance(value, list) else value[token]


def _index(token: str) -> int:
    if not (token.isascii() and token.isdecimal()) or (len(token) > 1 and token[0] == "0"):
        raise ValueError(token)
    return int(token)


def _find(root: Any, path: str) -> Any:
    for token in _tokens(path):
        root = _step(root, token)
    return root


def _add(root: Any, path: str, value: Any) -> None:
    *parents, last = _tokens(path)
    for token in parents:
        root = _step(root, token)
    if isinstance(root, list):
        at = len(root) if last == "-" else _index(last)
        if at > len(root):
            raise IndexError(last)
        root.insert(at, value)
    else:
        root[last] = value


def _remove(root: Any, path: str) -> Any:
    *parents, last = _tokens(path)
    for token in parents:
        root = _step(root, token)
    return root.pop(_index(last)) if isinstance(root, list) else root.pop(last)


def apply_strategic_patch(value: Any, patch: Any, name: str = "") -> Any:
    """The value, of the field `name`, with a strategic merge patch applied. Raises PatchError.

    Its directives are `$patch`, `$retainKeys`, `$setElementOrder/FIELD` and `$deleteFromPrimitiveList/FIELD`.
    """
    if isinstance(patch, list):
        return _patch_list(value if isinstance(value, list) else [], patch, name)
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: one for key, one in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(value) if isinstance(value, dict) else {}
    if "$retainKeys" in patch:
        result = {key: one for key, one in result.items() if key in patch["$retainKeys"]}
    for key, one in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [item for item in result.get(field, []) if item not in one]
        elif key.startswith("$"):
            continue
        elif one is None:
            result.pop(key, None)
        else:
            result[key] = apply_strategic_patch(result.get(key), one, key)
    for key, one in patch.items():
        if key.startswith("$setElementOrder/"):
            field = key.partition("/")[2]
            if isinstance(result.get(field), list):
                result[field] = _ordered(result[field], one, _KEYS.get(field))
    return result


def _patch_list(items: list[Any], patch: list[Any], name: str) -> list[Any]:
    if name in _SETS:
        return [*items, *(one for one in patch if one not in items)]
    key = _KEYS.get(name)
    if key is None or any(isinstance(one, dict) and one.get("$patch") == "replace" for one in patch):
        return [one for one in patch if not (isinstance(one, dict) and one.get("$patch") == "replace")]
    result = list(items)
    for one in patch:
        if not isinstance(one, dict) or key not in one:
            raise PatchError(f"an item of {name} has no {key}, by which it would be found")
        at = next((at for at, item in enumerate(result) if item.get(key) == one[key]), None)
        if one.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(apply_strategic_patch({}, one))
        else:
            result[at] = apply_strategic_patch(result[at], one)
    return result


def _ordered(items: list[Any], order: list[Any], key: str | None) -> list[Any]:
    # Those that the order does not name keep their place behind the one that they follow.
    def identity(item: Any) -> Any:
        return item.get(key) if key is not None and isinstance(item, dict) else item

    wanted = [identity(one) for one in order]
    ranks: list[tuple[int, Any]] = []
    rank = -1
    for item in items:
        if identity(item) in wanted:
            rank = wanted.index(identity(item))
        ranks.append((rank, item))
    return [item for _, item in sorted(ranks, key=lambda pair: pair[0])]


def merge_applied(current: Any, last: Any, new: Any, name: str = "") -> Any:
    """What becomes of `current` when who applied `last` applies `new`.

    What was in `last` and is in `new` no more goes; what is in neither stays, as others have set it.
    """
    if isinstance(new, dict) and isinstance(current, dict):
        before = last if isinstance(last, dict) else {}
        result = {key: one for key, one in current.items() if key in new or key not in before}
        for key, one in new.items():
            if one is None:
                result.pop(key, None)
            else:
                result[key] = merge_applied(current.get(key), before.get(key), one, key)
        return result
    key = _KEYS.get(name)
    if isinstance(new, list) and isinstance(current, list) and key is not None:
        return _merge_items(current, last if isinstance(last, list) else [], new, key)
    return new


def _merge_items(current: list[Any], last: list[Any], new: list[Any], key: str) -> list[Any]:
    there, before = (_by_key(items, key) for items in (current, last))
    result = [
        merge_applied(there.get(one.get(key)), before.get(one.get(key)), one) if isinstance(one, dict) else one
        for one in new
    ]
    named = {one.get(key) for one in new if isinstance(one, dict)}
    return result + [item for name, item in there.items() if name not in named and name not in before]


def _by_key(items: list[Any], key: str) -> dict[Any, Any]:
    return {cast("dict[str, Any]", item).get(key): item for item in items if isinstance(item, dict)}

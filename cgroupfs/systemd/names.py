"""Names of units: from `slice:prefix:name` to a scope, from a slice to its place; hostile names are refused.

Source: systemd.unit(5), "DESCRIPTION"; systemd.slice(5).
"""

from __future__ import annotations

from firkin.errors import CgroupPathError

__all__ = ["ROOT_SLICE", "check_unit", "escape", "scope_name", "slice_path", "split_cgroups_path"]

ROOT_SLICE = "-.slice"
"""The slice that is the root of the tree."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PLAIN = frozenset(_LETTERS + ":_.-\\")
_KEPT = frozenset(_LETTERS + ":_.-")
_LONGEST = 255


def check_unit(name: str, suffix: str) -> None:
    """Raise CgroupPathError unless `name` names a unit whose type is `suffix`, `.scope` or `.slice`."""
    stem = name.removesuffix(suffix)
    if stem == name or not stem:
        raise _refused(name, f"does not end in {suffix}" if stem else "has no name before its type")
    if len(name) > _LONGEST:
        raise _refused(name[:40] + "...", f"is longer than {_LONGEST} characters")
    prefix, at, instance = stem.partition("@")
    odd = set(prefix + instance) - _PLAIN - ({"@"} if at else set())
    if odd:
        raise _refused(name, f"has {min(odd)!r}", "letters, digits and : - _ . \\ are allowed")
    if at and not (prefix and instance):
        raise _refused(name, "is a template, or an instance of nothing")
    # Names of files, too: what is below /run/systemd/transient must stay there.
    if stem in (".", ".."):
        raise _refused(name, "is a name of a directory")
    if suffix == ".slice":
        _check_slice(name, stem)


def _check_slice(name: str, stem: str) -> None:
    if name != ROOT_SLICE and (stem[0] == "-" or stem[-1] == "-" or "--" in stem):
        raise _refused(name, "has an empty part between its dashes, which tell where it lies")
    if "@" in stem:
        raise _refused(name, "is an instance, which a slice can not be")


def _refused(name: str, why: str, hint: str = "") -> CgroupPathError:
    return CgroupPathError(f"unit {name!r}: {why}", verb="name", file=name, hint=hint)


def slice_path(name: str) -> str:
    """Where a slice lies, relative to the root of its manager: `a-b.slice` is `a.slice/a-b.slice`; "" is the root.

    Raises CgroupPathError for what is not the name of a slice.
    """
    check_unit(name, ".slice")
    if name == ROOT_SLICE:
        return ""
    parts = name.removesuffix(".slice").split("-")
    return "/".join("-".join(parts[: n + 1]) + ".slice" for n in range(len(parts)))


def scope_name(prefix: str, name: str) -> str:
    """The scope of a container: `prefix-name.scope`, or `name.scope` without a prefix. Raises CgroupPathError."""
    if not name:
        raise _refused("", "the name of the container is empty")
    unit = f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
    check_unit(unit, ".scope")
    return unit


def split_cgroups_path(asked: str, id: str, *, user: bool = False) -> tuple[str, str]:
    """The slice and the scope that `linux.cgroupsPath` asks for.

    Parameters: `asked` is `slice:prefix:name`, or "" for `system.slice:firkin:ID`; an empty slice is `system.slice`,
    for the manager of a user (`user`) `user.slice`. `id` is the container's; what a unit's name can not hold of it is
    escaped, whereas a name that was asked for must be good as it is.
    Raises CgroupPathError.
    """
    usual = "user.slice" if user else "system.slice"
    if not asked:
        return usual, scope_name("firkin", escape(id))
    parts = asked.split(":")
    if len(parts) != 3:
        message = f"{asked!r} is not of the form slice:prefix:name, which systemd needs"
        raise CgroupPathError(message, verb="name", file=asked, hint="--cgroup-manager cgroupfs takes paths")
    slice_name = parts[0] or usual
    check_unit(slice_name, ".slice")
    return slice_name, scope_name(parts[1], parts[2])


def escape(text: str) -> str:
    """`text` with what a unit's name can not hold written as `\\xNN`, as systemd-escape(1) has it; dashes remain."""
    return "".join(c if c in _KEPT else "".join(f"\\x{byte:02x}" for byte in c.encode()) for c in text)

"""A container's state as engines read it."""

from __future__ import annotations

from firkin.runtime.status import STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.store import Container

__all__ = ["describe"]


def describe(container: Container) -> dict[str, object]:
    """The state as engines read it: runtime.md "State" and what runtimes commonly add."""
    status = container.status()
    return {
        "ociVersion": container.text("ociVersion"),
        "id": container.id,
        "pid": 0 if status == STOPPED else container.pid,
        "status": status,
        "bundle": container.text("bundle"),
        "rootfs": container.text("rootfs"),
        "created": container.text("created"),
        "annotations": container.state.get("annotations", {}),
        "owner": _owner_name(container.state.get("owner", 0)),
    }


def _owner_name(uid: object) -> str:
    """The name of the user who made a container, or "" if there is none; the password database is the host's."""
    if uid == 0:
        return "root"
    from pwd import getpwuid

    try:
        return getpwuid(uid).pw_name if isinstance(uid, int) else ""
    except KeyError:
        return ""

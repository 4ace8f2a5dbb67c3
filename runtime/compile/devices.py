"""Device nodes and links in /dev: those that every container has, and those of the configuration."""

from __future__ import annotations

from firkin.runtime.compile.namespaces import USER
from firkin.runtime.plan import opcodes as op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec import Device
    from firkin.runtime.compile.context import Context

__all__ = ["add_devices"]

_TYPES = {"c": 0o020000, "u": 0o020000, "b": 0o060000, "p": 0o010000}
_CHAR = 0o020000
# Source: config-linux.md "Default Devices".
_DEFAULT = (
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
)
_LINKS = (
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
)


def add_devices(context: Context) -> None:
    """Compile nodes and links. A /dev that is bound from the host is left as it is."""
    if context.dev_is_bound:
        return
    asked = {device.path for device in context.linux.devices}
    for path, major, minor in _DEFAULT:
        if path not in asked:
            _add(context, path, _CHAR | 0o666, major << 32 | minor, 0, 0, "linux.devices")
    for index, device in enumerate(context.linux.devices):
        _add_asked(context, device, f"linux.devices[{index}]")
    for path, target in _LINKS:
        context.plan.child.add(op.SYMLINK, "", context.root, path, target)


def _add_asked(context: Context, device: Device, origin: str) -> None:
    mode = _TYPES[device.type] | (0o666 if device.file_mode is None else device.file_mode & 0o7777)
    number = (device.major or 0) << 32 | (device.minor or 0)
    _add(context, device.path.rstrip("/"), mode, number, device.uid or 0, device.gid or 0, origin)


def _add(context: Context, path: str, mode: int, number: int, uid: int, gid: int, origin: str) -> None:
    plan = context.plan
    # Nobody in a user namespace can make a node: the host's is bound. A fifo anybody can make.
    if (context.new | context.joined) & USER and mode & 0o170000 != _TYPES["p"]:
        slot = plan.shared_slot()
        plan.prepare.add(op.OPEN_DEVICE_TREE, origin, slot, path, mode, number)
        plan.child.add(op.ATTACH, origin, slot, context.root, path, 0)
    else:
        plan.child.add(op.MKNOD, origin, context.root, path, mode, number, uid, gid)

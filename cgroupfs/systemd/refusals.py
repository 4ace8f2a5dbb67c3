"""What systemd's refusals mean: an error of D-Bus becomes the exception of its kind, with what to do.

Source: org.freedesktop.systemd1(5); the error names of sd-bus and of systemd's src/libsystemd/sd-bus/bus-common-errors.
"""

from __future__ import annotations

from firkin import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.systemd.bus import RefusedError

__all__ = ["job_failed", "refused"]

_SYSTEMD = "org.freedesktop.systemd1."
_DBUS = "org.freedesktop.DBus.Error."

_CLASSES: dict[str, type[errors.CgroupError]] = {
    _SYSTEMD + "NoSuchUnit": errors.CgroupGoneError,
    # The object of a unit that went away between two calls.
    _DBUS + "UnknownObject": errors.CgroupGoneError,
    _DBUS + "AccessDenied": errors.CgroupPermissionError,
    _DBUS + "InteractiveAuthorizationRequired": errors.CgroupPermissionError,
    _DBUS + "AuthFailed": errors.CgroupPermissionError,
    _DBUS + "InvalidArgs": errors.CgroupValueError,
    _DBUS + "PropertyReadOnly": errors.CgroupValueError,
    _DBUS + "UnknownProperty": errors.CgroupValueError,
    _DBUS + "LimitsExceeded": errors.CgroupLimitError,
    _DBUS + "NoReply": errors.CgroupTimeoutError,
    _DBUS + "TimedOut": errors.CgroupTimeoutError,
}
_ABSENT = frozenset((_DBUS + "ServiceUnknown", _DBUS + "NameHasNoOwner", _DBUS + "Spawn.ServiceNotFound"))
_HINTS = {
    _DBUS + "AccessDenied": "units of the system are root's; --rootless true uses the units of this user",
    _DBUS + "InteractiveAuthorizationRequired": "units of the system are root's",
}


def refused(verb: str, unit: str, error: RefusedError) -> errors.FirkinError:
    """The exception for systemd's answer `error` when `verb` was tried on `unit`."""
    if error.name == _SYSTEMD + "UnitExists":
        return errors.AlreadyExistsError(f"{verb} {unit}: a unit of this name exists already")
    if error.name in _ABSENT or error.name.startswith(_DBUS + "Spawn."):
        hint = "is systemd running here? --cgroup-manager cgroupfs does without"
        return errors.CgroupError(f"{verb} {unit}: systemd is not on the bus", verb=verb, file=unit, hint=hint)
    kind = _CLASSES.get(error.name, errors.CgroupError)
    text = error.text.rstrip(".") or error.name
    return kind(f"{verb} {unit}: {text}", verb=verb, file=unit, hint=_HINTS.get(error.name, ""))


def job_failed(verb: str, unit: str, result: str) -> errors.CgroupError:
    """The exception for a job that systemd ended with `result`: failed, canceled, timeout, dependency, skipped."""
    kind = errors.CgroupTimeoutError if result == "timeout" else errors.CgroupError
    return kind(f"{verb} {unit}: the job ended as {result!r}", verb=verb, file=unit, hint="systemd's log says more")

"""Units as cgroups: transient scopes and slices are started, changed and stopped, each call waiting for its job.

Source: org.freedesktop.systemd1(5); systemd's "Control Group APIs and Delegation".
"""

from __future__ import annotations

import time

from firkin.cgroupfs.systemd.bus import Bus, RefusedError, bus_path
from firkin.cgroupfs.systemd.names import check_unit
from firkin.cgroupfs.systemd.properties import INFINITY
from firkin.cgroupfs.systemd.refusals import job_failed, refused
from firkin.errors import AlreadyExistsError, CgroupError, CgroupGoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from firkin.cgroupfs.systemd.properties import Property

__all__ = ["Systemd"]

_NAME = "org.freedesktop.systemd1"
_OBJECT = "/org/freedesktop/systemd1"
_MANAGER = f"{_NAME}.Manager"
_MATCH = f"type='signal',sender='{_NAME}',path='{_OBJECT}',interface='{_MANAGER}'"
_JOB_REMOVED = f"{_MANAGER}.JobRemoved"
_UNIT_REMOVED = f"{_MANAGER}.UnitRemoved"
_ENDED = frozenset(("inactive", "failed", "deactivating"))


class Systemd:
    """A connection to the system's manager or, with `user`, to the calling user's; a context manager.

    `version` is systemd's, `control_group` the path of the manager's own cgroup below the hierarchy's mount, "" for
    its root. `timeout` is in seconds and holds for each call together with the job that it waits for.
    Raises CgroupError if there is no bus, or no systemd on it.
    """

    def __init__(self, *, user: bool = False, timeout: float = 30.0) -> None:
        self.user = user
        self._timeout = timeout
        self._bus = Bus(bus_path(user=user), timeout=timeout)
        try:
            deadline = self._deadline()
            self._subscribe(deadline)
            version = str(self._get(_OBJECT, _MANAGER, "Version", deadline, "connect to", "systemd"))
            self.version = _leading_number(version)
            root = str(self._get(_OBJECT, _MANAGER, "ControlGroup", deadline, "connect to", "systemd"))
            self.control_group = root.strip("/")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Systemd:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; what was made stays."""
        self._bus.close()

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout

    def _subscribe(self, deadline: float) -> None:
        bus = "org.freedesktop.DBus", "/org/freedesktop/DBus"
        try:
            self._bus.call(*bus, "org.freedesktop.DBus.AddMatch", "s", _MATCH, deadline=deadline)
            self._bus.call(_NAME, _OBJECT, f"{_MANAGER}.Subscribe", deadline=deadline)
            # Only now does somebody whom the bus may have to start own it.
            owner = self._bus.call(*bus, "org.freedesktop.DBus.GetNameOwner", "s", _NAME, deadline=deadline)
            self._sender = str(owner[0])
        except RefusedError as error:
            raise refused("connect to", "systemd", error) from None

    def _call(self, verb: str, unit: str, method: str, deadline: float, signature: str, *arguments: object) -> Any:
        try:
            result = self._bus.call(_NAME, _OBJECT, f"{_MANAGER}.{method}", signature, *arguments, deadline=deadline)
        except RefusedError as error:
            raise refused(verb, unit, error) from None
        return result[0] if result else None

    def _get(self, place: str, interface: str, name: str, deadline: float, verb: str, unit: str) -> Any:
        method = "org.freedesktop.DBus.Properties.Get"
        try:
            ((_, value),) = self._bus.call(_NAME, place, method, "ss", interface, name, deadline=deadline)
        except RefusedError as error:
            raise refused(verb, unit, error) from None
        return value

    def _wait(self, verb: str, unit: str, job: str, deadline: float) -> None:
        while True:
            signal, arguments = self._bus.next_signal(self._sender, deadline)
            if signal == _JOB_REMOVED and arguments[1] == job:
                break
        if arguments[3] != "done":
            raise job_failed(verb, unit, str(arguments[3]))

    def start_scope(self, unit: str, slice_name: str, pids: Sequence[int], properties: Sequence[Property] = ()) -> None:
        """Start a transient scope that holds the processes `pids`, which must live until it has others.

        Its cgroup is delegated, has all controllers, the limits `properties`, and none that was not asked for; it
        goes away by itself when it is empty. Raises AlreadyExistsError, CgroupError.
        """
        check_unit(unit, ".scope")
        check_unit(slice_name, ".slice")
        base: list[Property] = [
            ("Slice", ("s", slice_name)),
            ("PIDs", ("au", list(pids))),
            # The order in which a machine goes down is a matter of who runs containers.
            ("DefaultDependencies", ("b", False)),
            ("CollectMode", ("s", "inactive-or-failed")),
        ]
        self._start(unit, base, properties)

    def start_slice(self, unit: str, properties: Sequence[Property] = ()) -> None:
        """Start a transient slice; where it lies is in its name. Raises AlreadyExistsError, CgroupError."""
        check_unit(unit, ".slice")
        self._start(unit, [("DefaultDependencies", ("b", False))], properties)

    def _start(self, unit: str, base: list[Property], properties: Sequence[Property]) -> None:
        wanted: dict[str, tuple[str, object]] = dict(base)
        # Accounting is what makes systemd enable a controller. Tasks have a limit by default.
        for name in ("MemoryAccounting", "TasksAccounting", "IOAccounting"):
            wanted[name] = "b", True
        wanted["TasksMax"] = "t", INFINITY
        if unit.endswith(".scope"):
            wanted["Delegate"] = "b", True
        wanted.update(properties)
        deadline = self._deadline()
        try:
            job = self._start_job(unit, wanted, deadline)
        except AlreadyExistsError:
            if not self._is_forgotten(unit, deadline):
                raise
            job = self._start_job(unit, wanted, deadline)
        self._wait("start", unit, job, deadline)

    def _start_job(self, unit: str, wanted: dict[str, tuple[str, object]], deadline: float) -> str:
        auxiliary: list[object] = []
        arguments = unit, "fail", list(wanted.items()), auxiliary
        return str(self._call("start", unit, "StartTransientUnit", deadline, "ssa(sv)a(sa(sv))", *arguments))

    def _is_forgotten(self, unit: str, deadline: float) -> bool:
        # One that has ended stays in sight for a moment: waits it out, and is false for one that runs.
        try:
            place = self._call("find", unit, "GetUnit", deadline, "s", unit)
            if self._get(place, f"{_NAME}.Unit", "ActiveState", deadline, "find", unit) not in _ENDED:
                return False
            self._call("forget", unit, "ResetFailedUnit", deadline, "s", unit)
            self._call("find", unit, "GetUnit", deadline, "s", unit)
        except CgroupGoneError:
            return True
        while self._bus.next_signal(self._sender, deadline) != (_UNIT_REMOVED, (unit, place)):
            pass
        return True

    def set_properties(self, unit: str, properties: Sequence[Property]) -> None:
        """Change properties of a unit that runs; they hold until it ends. Raises CgroupGoneError, CgroupValueError."""
        self._call("change", unit, "SetUnitProperties", self._deadline(), "sba(sv)", unit, True, list(properties))

    def cgroup_of(self, unit: str) -> str:
        """The path of a unit's cgroup below the hierarchy's mount, "" if it has none. Raises CgroupGoneError."""
        deadline = self._deadline()
        place = self._call("find", unit, "GetUnit", deadline, "s", unit)
        kind = unit.rpartition(".")[2].capitalize()
        return str(self._get(place, f"{_NAME}.{kind}", "ControlGroup", deadline, "find", unit)).strip("/")

    def stop(self, unit: str) -> None:
        """Stop a unit and wait until it has ended; it may be gone already. Raises CgroupError."""
        deadline = self._deadline()
        try:
            job = self._call("stop", unit, "StopUnit", deadline, "ss", unit, "replace")
            self._wait("stop", unit, job, deadline)
            self._call("forget", unit, "ResetFailedUnit", deadline, "s", unit)
        except CgroupGoneError:
            return


def _leading_number(version: str) -> int:
    # `252.39-1~deb12u1`, `v258`, `259~rc1`.
    digits = ""
    for c in version.removeprefix("v"):
        if not c.isdecimal():
            break
        digits += c
    if not digits:
        raise CgroupError(f"connect to systemd: its version is {version!r}", verb="connect")
    return int(digits)

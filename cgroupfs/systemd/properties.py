"""Limits as properties of a unit: the same values that are written to files, in systemd's names, types and units.

systemd writes the files of its units again whenever it is reloaded: what it was not told is lost then. So each limit
that it has a property for is told to it, and stands in the kernel as the very same value.

Source: org.freedesktop.systemd1(5), systemd.resource-control(5); of the versions, systemd's NEWS.
"""

from __future__ import annotations

from firkin.cgroupfs.systemd.lists import bitmask
from firkin.errors import CgroupValueError, UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from firkin.cgroupfs.resources import Write

    Property: TypeAlias = tuple[str, tuple[str, object]]

__all__ = ["INFINITY", "Properties", "cpu_quota", "limit_properties"]

INFINITY = (1 << 64) - 1
"""No limit, in properties of type `t`."""

_DEFAULT_PERIOD = 100_000
_SECOND = 1_000_000
# What is kept of a quota over a reload is a whole percentage: microseconds of time in a second.
_PERCENT = 10_000
_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
_IDLE = 0
_LONGEST = 30  # digits, with zeros in front

# Properties that are not in all versions that there are.
_SINCE = {"AllowedCPUs": 244, "AllowedMemoryNodes": 244, "MemoryZSwapMax": 253}
_IDLE_SINCE = 252

# By file: the property, and the least value that it takes.
_BYTES = {
    "memory.max": ("MemoryMax", 1),
    "memory.high": ("MemoryHigh", 1),
    "memory.low": ("MemoryLow", 0),
    "memory.min": ("MemoryMin", 0),
    "memory.swap.max": ("MemorySwapMax", 0),
    "memory.zswap.max": ("MemoryZSwapMax", 0),
    "pids.max": ("TasksMax", 1),
}
_IO_MAX = {
    "rbps": "IOReadBandwidthMax",
    "wbps": "IOWriteBandwidthMax",
    "riops": "IOReadIOPSMax",
    "wiops": "IOWriteIOPSMax",
}


class Properties:
    """Properties in the making: a later value of a name replaces an earlier one, of a device only that device's."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, object]] = {}
        self._devices: dict[str, dict[str, int]] = {}

    def set(self, name: str, signature: str, value: object) -> None:
        """Set one property, `value` being of the D-Bus type `signature`."""
        self._values[name] = signature, value

    def set_device(self, name: str, device: str, value: int) -> None:
        """Set the value of `device`, `MAJOR:MINOR`, in a property that lists devices."""
        self._devices.setdefault(name, {})[f"/dev/block/{device}"] = value

    def list(self) -> list[Property]:
        """The properties as a call wants them."""
        devices = ((name, ("a(st)", list(values.items()))) for name, values in self._devices.items())
        return [*self._values.items(), *devices]


def limit_properties(writes: Iterable[Write], version: int) -> list[Property]:
    """The properties that stand for `writes`, in systemd of this `version`.

    A write to a file that systemd leaves alone has none, nor has one whose property came with a later version. Device
    rules have none either: they are more than DeviceAllow= can say, and a program that is attached beside systemd's
    stays where it is.
    Raises UnsupportedError with the write's path for a value that the kernel takes and systemd does not; systemd
    would take it back.
    """
    found = Properties()
    for write in writes:
        known = _KNOWN.get(write.file)
        if known is not None:
            known(found, write, version)
    return [item for item in found.list() if _SINCE.get(item[0], 0) <= version]


def cpu_quota(quota: int, period: int) -> int:
    """CPUQuotaPerSecUSec for a quota in a period, all in microseconds.

    systemd keeps a whole percentage of it: rounded up, a group never gets less than was asked for.
    """
    share = -(-quota * _SECOND // period)
    return min(-(-share // _PERCENT) * _PERCENT, INFINITY)


def _number(write: Write, text: str) -> int | None:
    # As the kernel reads it, with a suffix; None is for the kernel to refuse.
    digits, shift = text, _UNITS.get(text[-1:].lower(), 0)
    if shift:
        digits = text[:-1]
    if text == "max":
        return INFINITY
    if not (digits.isascii() and digits.isdecimal()):
        return None
    value = int(digits[:_LONGEST]) << shift
    if value > INFINITY or len(digits) > _LONGEST:
        raise UnsupportedError(write.path, f"{text} is more than 64 bits hold")
    return value


def _amount(found: Properties, write: Write, _version: int) -> None:
    name, least = _BYTES[write.file]
    value = _number(write, write.value.strip())
    if value is None:
        return
    if value < least:
        raise UnsupportedError(write.path, f"systemd takes no {name}={value}", hint=f"at least {least}")
    found.set(name, "t", value)


def _decimal(text: str) -> int | None:
    # Below 10**19 all fits into 64 bits.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _weight(found: Properties, write: Write, _version: int) -> None:
    weight = _decimal(write.value)
    if weight is not None:
        found.set("CPUWeight", "t", weight)


def _idle(found: Properties, write: Write, version: int) -> None:
    if write.value == "1" and version >= _IDLE_SINCE:
        found.set("CPUWeight", "t", _IDLE)


def _nice(_found: Properties, write: Write, _version: int) -> None:
    raise UnsupportedError(write.path, "systemd has no such setting and would take it back", hint="use cpu.weight")


def _quota(found: Properties, write: Write, _version: int) -> None:
    quota, period, *_ = *write.value.split(), "", str(_DEFAULT_PERIOD)
    length = _decimal(period or str(_DEFAULT_PERIOD))
    time = _decimal(quota)
    if not length or not (time or quota == "max"):
        return
    found.set("CPUQuotaPerSecUSec", "t", cpu_quota(time, length) if time else INFINITY)
    found.set("CPUQuotaPeriodUSec", "t", length)


def _set(name: str) -> Callable[[Properties, Write, int], None]:
    def known(found: Properties, write: Write, _version: int) -> None:
        try:
            found.set(name, "ay", bitmask(write.value))
        except CgroupValueError as error:
            raise UnsupportedError(write.path, error.message) from None

    return known


def _io_weight(found: Properties, write: Write, _version: int) -> None:
    *target, text = write.value.split() or [""]
    weight = _decimal(text)
    if weight is None:
        return
    if target in ([], ["default"]):
        found.set("IOWeight", "t", weight)
    elif _is_device(target[0]):
        found.set_device("IODeviceWeight", target[0], weight)


def _io_max(found: Properties, write: Write, _version: int) -> None:
    device, *limits = write.value.split() or [""]
    for limit in limits:
        key, _, value = limit.partition("=")
        number = _number(write, value)
        if key in _IO_MAX and number is not None and _is_device(device):
            found.set_device(_IO_MAX[key], device, number)


def _is_device(text: str) -> bool:
    major, colon, minor = text.partition(":")
    return bool(colon) and text.isascii() and major.isdecimal() and minor.isdecimal()


_KNOWN: dict[str, Callable[[Properties, Write, int], None]] = {
    **dict.fromkeys(_BYTES, _amount),
    "cpu.weight": _weight,
    "cpu.weight.nice": _nice,
    "cpu.idle": _idle,
    "cpu.max": _quota,
    "cpuset.cpus": _set("AllowedCPUs"),
    "cpuset.mems": _set("AllowedMemoryNodes"),
    "io.weight": _io_weight,
    "io.max": _io_max,
}

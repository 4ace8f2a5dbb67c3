"""The kinds of interface files with keys: flat (`KEY VALUE`), nested (`KEY SUB=VALUE ...`), pressure, and cpu.max.

Source: Documentation/admin-guide/cgroup-v2.rst, "Format"; Documentation/accounting/psi.rst.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Never, TypeAlias

from firkin.cgroupfs import units
from firkin.cgroupfs.interface import File
from firkin.cgroupfs.kinds import Limit, decode_limit, encode_limit

__all__ = [
    "Assignments", "Bandwidth", "CpuMax", "Flat", "FlatLimits", "Nested", "NestedSettings", "Partition",
    "PartitionState", "Pressure", "PressureFile", "PressureTimes", "Value", "Weights",
]  # fmt: skip

Value: TypeAlias = int | float | str
"""What stands behind a key: a number where it is one."""

_DEVICE = re.compile(r"[0-9]{1,4}:[0-9]{1,7}")
_NAME = re.compile(r"[^\s=]{1,255}")


def device_key(key: str) -> str:
    """A key that names a block device: MAJOR:MINOR. Raises ValueError."""
    if not _DEVICE.fullmatch(key):
        raise ValueError(f"{key!r} is not the MAJOR:MINOR of a block device")
    return key


def name_key(key: str) -> str:
    """A key that is a name without spaces. Raises ValueError."""
    if not _NAME.fullmatch(key):
        raise ValueError(f"{key!r} is not a name without spaces")
    return key


def _value(text: str) -> Value:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _split_lines(text: str) -> dict[str, str]:
    # What people write on one line after another: "8:0 rbps=1M; 8:16 rbps=2M" too.
    lines = [line.strip() for line in re.split(r"[\n;]", text) if line.strip()]
    return {key: rest for key, _, rest in (line.partition(" ") for line in lines)}


class Flat(File[dict[str, int], Never]):
    """`KEY VALUE` lines with numbers."""

    def decode(self, text: str) -> dict[str, int]:
        return {key: int(value) for key, value in (line.rsplit(" ", 1) for line in text.splitlines() if line)}


class FlatLimits(File[dict[str, Limit], Mapping[str, int | str] | str]):
    """`KEY LIMIT` lines: of resources with a name."""

    words = "NAME LIMIT, with a number or max"

    def decode(self, text: str) -> dict[str, Limit]:
        return {key: decode_limit(value) for key, value in (line.rsplit(" ", 1) for line in text.splitlines() if line)}

    def encode(self, value: Mapping[str, int | str] | str) -> list[str]:
        pairs = _split_lines(value) if isinstance(value, str) else value
        if not pairs:
            raise ValueError("says nothing")
        return [
            f"{name_key(key)} {encode_limit(limit, 0, (1 << 63) - 1, units.parse_size)}" for key, limit in pairs.items()
        ]


class Weights(File[dict[str, int], Mapping[str, int | str] | int | str]):
    """`default WEIGHT` and `MAJOR:MINOR WEIGHT` lines. A number alone is the default; `default` unsets a device's."""

    def __init__(self, *args: Any, high: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.high = high
        self.words = f"1 to {high}, or MAJOR:MINOR and 1 to {high} or default"

    def decode(self, text: str) -> dict[str, int]:
        pairs = [line.rsplit(" ", 1) for line in text.splitlines() if line]
        return {pair[0] if len(pair) > 1 else "default": int(pair[-1]) for pair in pairs}

    def encode(self, value: Mapping[str, int | str] | int | str) -> list[str]:
        if isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal()):
            value = {"default": value}
        pairs = _split_lines(value) if isinstance(value, str) else value
        if not pairs:
            raise ValueError("says nothing")
        return [self._line(key, weight) for key, weight in pairs.items()]

    def _line(self, key: str, weight: int | str) -> str:
        if key != "default":
            device_key(key)
            if weight == "default":
                return f"{key} default"
        if not 1 <= int(weight) <= self.high:
            raise ValueError(f"{weight} is not within 1 to {self.high}")
        return f"{key} {int(weight)}"


class Nested(File[dict[str, dict[str, Value]], Never]):
    """`KEY SUB=VALUE ...` lines that are only read."""

    def decode(self, text: str) -> dict[str, dict[str, Value]]:
        return decode_nested(text)


def decode_nested(text: str) -> dict[str, dict[str, Value]]:
    """`KEY SUB=VALUE ...` lines."""
    found: dict[str, dict[str, Value]] = {}
    for line in text.splitlines():
        key, *pairs = line.split()
        found[key] = {name: _value(value) for name, _, value in (pair.partition("=") for pair in pairs)}
    return found


class NestedSettings(File[dict[str, dict[str, Value]], Mapping[str, Mapping[str, Value]] | str]):
    """`KEY SUB=VALUE ...` lines of settings.

    Parameters: `subs` are the sub-keys, each with the function that checks a value's text and gives the kernel's, and
    raises ValueError; `key` does that for the key.
    """

    def __init__(
        self,
        *args: Any,
        subs: Mapping[str, Callable[[str], str]],
        key: Callable[[str], str] = device_key,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.subs, self.key = subs, key
        name = "MAJOR:MINOR" if key is device_key else "NAME"
        self.words = f"{name} and some of {', '.join(f'{sub}=' for sub in subs)}"

    def decode(self, text: str) -> dict[str, dict[str, Value]]:
        return decode_nested(text)

    def encode(self, value: Mapping[str, Mapping[str, Value]] | str) -> list[str]:
        wanted = decode_nested(value.replace(";", "\n")) if isinstance(value, str) else value
        if not wanted:
            raise ValueError("says nothing")
        return [f"{self.key(key)} {self._settings(key, settings)}" for key, settings in wanted.items()]

    def _settings(self, key: str, settings: Mapping[str, Value]) -> str:
        if not settings:
            raise ValueError(f"{key} has no setting")
        if unknown := settings.keys() - self.subs.keys():
            raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
        return " ".join(f"{sub}={self.subs[sub](str(setting))}" for sub, setting in settings.items())


class Assignments(File[dict[str, int], Never]):
    """`KEY=VALUE` pairs on one line."""

    def decode(self, text: str) -> dict[str, int]:
        return {key: int(value) for key, _, value in (pair.partition("=") for pair in text.split())}


class CpuMax(NamedTuple):
    """Processor time: `quota` microseconds, or no limit, in every `period` microseconds."""

    quota: Limit
    period: int = 100_000


class Bandwidth(File[CpuMax, CpuMax | int | str]):
    """`QUOTA PERIOD` in microseconds."""

    words = "QUOTA or `QUOTA PERIOD`: max or at least 1ms, and a period of 1ms to 1s, such as `50ms 100ms`"
    _MOST = (1 << 44) - 1

    def decode(self, text: str) -> CpuMax:
        quota, period = text.split()
        return CpuMax(decode_limit(quota), int(period))

    def encode(self, value: CpuMax | int | str) -> list[str]:
        parts = value.split() if isinstance(value, str) else [str(part) for part in _parts(value)]
        if not 1 <= len(parts) <= 2:
            raise ValueError("is not a quota and a period")
        quota = encode_limit(parts[0], 1000, self._MOST, units.parse_time)
        if len(parts) == 1:
            return [quota]
        period = units.parse_time(parts[1])
        if not 1000 <= period <= 1_000_000:
            raise ValueError(f"a period of {period} microseconds is not within 1000 to 1000000")
        return [f"{quota} {period}"]


def _parts(value: CpuMax | int) -> tuple[Limit, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


class PressureTimes(NamedTuple):
    """Share of time, in percent, that tasks stalled over 10, 60 and 300 seconds; the `total` in microseconds."""

    avg10: float
    avg60: float
    avg300: float
    total: int


class Pressure(NamedTuple):
    """Stalls of `some` tasks, and of all at once (`full`); None for what the file does not tell."""

    some: PressureTimes | None
    full: PressureTimes | None


class PressureFile(File[Pressure, Never]):
    """Pressure stall information. Triggers are set by `firkin.cgroupfs.events`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"access": "r", **options})

    def decode(self, text: str) -> Pressure:
        lines = {
            key: PressureTimes(float(line["avg10"]), float(line["avg60"]), float(line["avg300"]), int(line["total"]))
            for key, line in decode_nested(text).items()
        }
        return Pressure(lines.get("some"), lines.get("full"))


class PartitionState(NamedTuple):
    """What kind of partition a cgroup asks to be, and why it is not (`invalid`), "" if it is."""

    kind: str
    invalid: str = ""


class Partition(File[PartitionState, Literal["member", "root", "isolated"] | str]):
    """`member`, `root` or `isolated`, with the reason where that could not be had."""

    words = "member, root or isolated"

    def decode(self, text: str) -> PartitionState:
        kind, _, reason = text.strip().partition(" invalid")
        return PartitionState(kind, (reason.strip().strip("()") or "unknown reason") if "invalid" in text else "")

    def encode(self, value: str) -> list[str]:
        if value not in ("member", "root", "isolated"):
            raise ValueError("is not a kind of partition")
        return [value]

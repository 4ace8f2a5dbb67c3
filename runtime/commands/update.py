"""`firkin update`: change the limits of a container."""

from __future__ import annotations

import sys

from firkin.errors import KernelError, UsageError
from firkin.oci.json_text import parse
from firkin.oci.record import decode
from firkin.oci.runtime_spec.resources import BlockIo, Cpu, Memory, Pids, Resources
from firkin.oci.validate import validate_resources
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.update import update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "resources_of", "run"]

# Option -> the group of the resources, and the field there.
_NUMBERS = {
    "blkio-weight": ("block_io", "weight"),
    "cpu-period": ("cpu", "period"),
    "cpu-quota": ("cpu", "quota"),
    "cpu-burst": ("cpu", "burst"),
    "cpu-share": ("cpu", "shares"),
    "cpu-idle": ("cpu", "idle"),
    "cpu-rt-period": ("cpu", "realtime_period"),
    "cpu-rt-runtime": ("cpu", "realtime_runtime"),
    "pids-limit": ("pids", "limit"),
}
_SIZES = {
    "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"),
    "memory-swap": ("memory", "swap"),
    "kernel-memory": ("memory", "kernel"),
    "kernel-memory-tcp": ("memory", "kernel_tcp"),
}
_LISTS = {"cpuset-cpus": ("cpu", "cpus"), "cpuset-mems": ("cpu", "mems")}
_RDT = ("l3-cache-schema", "mem-bw-schema")
_GROUPS = {"block_io": BlockIo, "cpu": Cpu, "memory": Memory, "pids": Pids}
_UNITS = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}

COMMAND = Command(
    "update",
    "change the limits of a container",
    "CONTAINER",
    group="Life of a container",
    options=(
        Option(
            "resources", "r", "FILE", "read the limits from FILE, - for standard input; other options do not count then"
        ),
        Option("blkio-weight", "", "WEIGHT", "share of input and output, 10 to 1000"),
        Option("cpu-period", "", "USEC", "length of the period that the quota is for"),
        Option("cpu-quota", "", "USEC", "processor time in each period, -1 for no limit"),
        Option("cpu-burst", "", "USEC", "processor time that may be saved up beyond the quota"),
        Option("cpu-share", "", "SHARES", "share of processor time, 2 to 262144"),
        Option("cpu-idle", "", "0|1", "whether the container gets only time that nobody else wants"),
        Option("cpu-rt-period", "", "USEC", "refused: cgroup v2 has no realtime limits"),
        Option("cpu-rt-runtime", "", "USEC", "refused: cgroup v2 has no realtime limits"),
        Option("cpuset-cpus", "", "LIST", "processors, such as 0-3,7"),
        Option("cpuset-mems", "", "LIST", "memory nodes, such as 0-3,7"),
        Option("memory", "", "SIZE", "limit of memory in bytes, or with k, m or g behind it; -1 for none"),
        Option("memory-reservation", "", "SIZE", "memory that is not reclaimed while there is other"),
        Option("memory-swap", "", "SIZE", "limit of memory and swap together, -1 for none"),
        Option("kernel-memory", "", "SIZE", "refused: cgroup v2 counts it as memory"),
        Option("kernel-memory-tcp", "", "SIZE", "refused: cgroup v2 counts it as memory"),
        Option("pids-limit", "", "N", "limit of processes and threads, -1 for none"),
        Option("l3-cache-schema", "", "SCHEMA", "refused: resctrl is not supported"),
        Option("mem-bw-schema", "", "SCHEMA", "refused: resctrl is not supported"),
    ),
    description=(
        "What is not named stays as it is. FILE holds an object like linux.resources of config.json. Either all "
        "limits are changed or none."
    ),
    examples=(
        ("firkin update --memory 512m --pids-limit 100 web", "two new limits"),
        ("firkin update --resources limits.json web", "as an engine would"),
    ),
)


def run(invocation: Invocation) -> int:
    """Change the limits; returns 0."""
    update(invocation.root, invocation.container, resources_of(invocation))
    return 0


def resources_of(invocation: Invocation) -> Resources:
    """The limits that a command line asks for. Raises UsageError, ConfigError, KernelError."""
    file = invocation.text("resources")
    resources = _read(file) if file else _told(invocation)
    validate_resources(resources, document=file if file not in ("", "-") else "resources")
    return resources


def _read(file: str) -> Resources:
    name = "resources" if file == "-" else file
    if file == "-":
        text = sys.stdin.buffer.read()
    else:
        try:
            with open(file, "rb") as opened:
                text = opened.read()
        except OSError as error:
            raise KernelError(f"update: read {file}", error.errno or 0) from error
    return decode(Resources, parse(text, name), document=name)


def _told(invocation: Invocation) -> Resources:
    for name in _RDT:
        if invocation.given(name):
            raise UsageError(f"update: option --{name}: resctrl is not supported")
    groups: dict[str, dict[str, int | str]] = {}
    for table, read in ((_NUMBERS, _number), (_SIZES, _size), (_LISTS, _list)):
        for option, (group, field) in table.items():
            if invocation.given(option):
                groups.setdefault(group, {})[field] = read(option, invocation.text(option))
    if not groups:
        raise UsageError("update: nothing is asked for", hint="give --resources or a limit")
    records = {name: _GROUPS[name](**fields) for name, fields in groups.items()}
    return Resources(**records)


def _list(_option: str, text: str) -> str:
    return text


def _number(option: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise UsageError(f"update: option --{option}: '{text}' is not a number")
    return int(text)


def _size(option: str, text: str) -> int:
    if text.startswith("-"):
        return _number(option, text)
    lower = text.lower()
    unit = lower.lstrip("0123456789")
    digits = lower[: len(lower) - len(unit)]
    # "512m", "512mb" and "512mib" are all 512 << 20.
    shift = _UNITS.get(unit if unit == "b" else unit.removesuffix("ib").removesuffix("b"))
    if shift is None or not digits:
        raise UsageError(f"update: option --{option}: '{text}' is not a size", hint="such as 512m or 1073741824")
    return _number(option, digits) << shift

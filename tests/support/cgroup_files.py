"""The table of the interface files of cgroup v2 with the tests that cover each: docs/cgroup-files.md.

    .venv/bin/python tests/support/cgroup_files.py > docs/cgroup-files.md

A test covers the files of its marker `covers`, and in modules that use the marker those that are its parameter `file`.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # The tree holds a folder `firkin` which is a part of the package; the whole is the installed one.
    sys.path[0:1] = []
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from firkin.cgroupfs.controllers import CONTROLLERS, catalogue, find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pytest import Mark

    from firkin.cgroupfs.interface import Controller, File

__all__ = ["REMARKS", "UNSEEN", "coverage", "document"]

_ROOT = Path(__file__).resolve().parents[2]
_TESTS = _ROOT / "tests/integration/cgroupfs"

_NO_UCLAMP = "the guest's kernel is built without it; its effect is on frequencies, which an emulated machine has not"
_NO_ZSWAP = "the guest's kernel is built without it"
_NO_DMEM = "it needs a device whose driver accounts its memory"

UNSEEN = {
    "cpu.uclamp.min": _NO_UCLAMP,
    "cpu.uclamp.max": _NO_UCLAMP,
    "memory.swap.peak": "newer than the guest's kernel",
    "memory.zswap.current": _NO_ZSWAP,
    "memory.zswap.max": _NO_ZSWAP,
    "memory.zswap.writeback": _NO_ZSWAP,
    "io.latency": "the guest's kernel is built without it",
    "io.prio.class": "the guest's kernel is built without it",
    "irq.pressure": "the guest's kernel does not account the time of interrupts",
    "cpuset.cpus.exclusive": "newer than the guest's kernel",
    "cpuset.cpus.exclusive.effective": "newer than the guest's kernel",
    "cpuset.cpus.isolated": "newer than the guest's kernel",
    "pids.events.local": "newer than the guest's kernel",
    "misc.peak": "newer than the guest's kernel",
    "misc.events.local": "newer than the guest's kernel",
    **dict.fromkeys(("dmem.capacity", "dmem.current", "dmem.min", "dmem.low", "dmem.max"), _NO_DMEM),
}
"""Files that no kernel shows which the tests run on, with the reason. Their values are tested without a kernel."""

REMARKS = {
    "io.bfq.weight": "read back alone: the ratio is not stable in an emulated machine",
    "rdma.max": "no machine of the tests has an RDMA device",
    "misc.max": "no machine of the tests has such a resource",
}
"""What the tests of a file leave open."""

_HEAD = """\
# The interface files of cgroup v2

What `firkin.cgroupfs` knows of each file, and the tests that show it on a real kernel. Where a kernel shows a file
that is not here, `test_no_file_is_unknown` fails. Written by `tests/support/cgroup_files.py`: edit the catalogue in
`cgroupfs/controllers`, not this file.

Names stand for `group.CONTROLLER.ATTRIBUTE` in Python: `memory.swap.max` is `group.memory.swap_max`. `{}` is a size of
huge pages, such as `2MB`. Model: weight, limit, protection and allocation as the kernel's documentation names the
models of distribution; events count, state tells, control does something.
"""


def coverage() -> dict[str, list[str]]:
    """The tests that cover each file of the catalogue, by its name there; tests are `module::name`.

    Raises ValueError for a test that says it covers a file that is not in the catalogue.
    """
    found: dict[str, list[str]] = {entry.file.name: [] for entry in catalogue()}
    for path in sorted(path for path in _TESTS.glob("test_*.py") if "mark.covers" in path.read_text()):
        for name, test in vars(_load(path)).items():
            if name.startswith("test_"):
                for file in dict.fromkeys(map(_pattern, _covered(getattr(test, "pytestmark", [])))):
                    found[file].append(f"{path.name}::{name}")
    return found


def _load(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"covering_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _covered(marks: list[Mark]) -> Iterator[str]:
    for mark in marks:
        if mark.name == "covers":
            yield from mark.args
        elif mark.name == "parametrize":
            names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
            if "file" in names:
                yield from (row if isinstance(row, str) else row[names.index("file")] for row in mark.args[1])


def _pattern(file: str) -> str:
    entry = find(file)
    if entry is None:
        raise ValueError(f"a test covers {file}, which is not in the catalogue")
    return entry.file.name


def document() -> str:
    """The text of docs/cgroup-files.md."""
    covering = coverage()
    return _HEAD + "".join(_section(controller, covering) for controller in CONTROLLERS)


def _section(controller: type[Controller], covering: dict[str, list[str]]) -> str:
    rows = [_row(file, covering[file.name]) for _, file in controller.files()]
    title = f"Controller {controller.name}" if controller.name else "Every cgroup"
    what = (controller.__doc__ or "").strip().partition("\n")[0]
    head = "| file | access | model | Linux | default | where | meaning | tests |\n| --- " + "| --- " * 7 + "|\n"
    threaded = " Can be given to threads." if controller.threaded else ""
    return f"\n## {title}\n\n{what}{threaded}\n\n{head}{''.join(rows)}"


def _row(file: File[object, object], tests: list[str]) -> str:
    default = f"`{file.default}`" if file.default else ""
    cells = [f"`{file.name}`", file.access, file.model.value, file.since, default, file.place.value, file.what]
    return f"| {' | '.join([*cells, _shown(file.name, tests)])} |\n"


def _shown(name: str, tests: list[str]) -> str:
    parts: dict[str, list[str]] = {}
    for test in tests:
        module, _, function = test.partition("::")
        parts.setdefault(module, []).append(f"`{function}`")
    said = [f"[{module}](../{_TESTS.relative_to(_ROOT)}/{module}): {', '.join(parts[module])}" for module in parts]
    said += [f"{reason}." for reason in (REMARKS.get(name), UNSEEN.get(name)) if reason]
    return "; ".join(said)


if __name__ == "__main__":
    print(document(), end="")

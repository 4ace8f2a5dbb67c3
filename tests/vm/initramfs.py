"""The first user space of the guest: busybox, the modules that reach the shared root, and `guest/`."""

from __future__ import annotations

import os
import re
import shlex
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vm import cpio
from tests.vm.errors import VmError
from tests.vm.modules import read_module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.vm.kernel import Kernel

__all__ = ["Boot", "command_function", "find_busybox", "initramfs", "is_static", "passed_environment"]

_GUEST = Path(__file__).parent / "guest"
_PASSED = re.compile(r"PATH|HOME|LANG|LC_ALL|TERM|CI|VIRTUAL_ENV|(PYTHON|PYTEST|COVERAGE|FIRKIN).*")
_PT_INTERP = 3


@dataclass(frozen=True, slots=True)
class Boot:
    """What the guest does once its kernel runs. `swap` is a device node, `inodes` how many the guest may cache."""

    command: Sequence[str]
    directory: str
    environment: Mapping[str, str]
    share_type: str
    modules: Sequence[str]
    writable: Sequence[str]
    swap: str = ""
    inodes: int | None = None
    systemd: bool = False


def initramfs(kernel: Kernel, boot: Boot) -> bytes:
    """The archive that `kernel` unpacks and starts; raises `OSError`, and `VmError` without a usable busybox."""
    files = kernel.index().load_order(boot.modules)
    modules = [cpio.executable(f"module{i}.ko", read_module(kernel.modules / f)) for i, f in enumerate(files)]
    return cpio.archive(
        [
            *(cpio.directory(path) for path in ("bin", "dev", "proc", "sys")),
            cpio.character_device("dev/console", 5, 1),
            cpio.executable("bin/busybox", find_busybox().read_bytes()),
            cpio.executable("init", (_GUEST / "init.sh").read_bytes()),
            cpio.executable("command", (_GUEST / "command.sh").read_bytes()),
            cpio.executable("vm.service", (_GUEST / "vm.service").read_bytes()),
            cpio.text("env", _settings(kernel, boot)),
            cpio.text("modules", (f"/{module.path}" for module in modules)),
            cpio.text("writable", boot.writable),
            *modules,
        ]
    )


def _settings(kernel: Kernel, boot: Boot) -> list[str]:
    values = {
        "SHARE": boot.share_type,
        "KERNEL": kernel.version,
        "MODULES": str(kernel.modules),
        "SYSTEMD": "1" if boot.systemd else "",
        "SWAP": boot.swap,
        "INODES": "" if boot.inodes is None else str(boot.inodes),
    }
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    return [*lines, command_function(boot.command, boot.directory, boot.environment)]


def command_function(command: Sequence[str], directory: str, environment: Mapping[str, str]) -> str:
    """The shell function that becomes `command`, with `environment` and nothing else in its environment.

    The machine's own env(1) looks it up: busybox would run its own applet instead of the program.
    """
    words = [f"{name}={value}" for name, value in environment.items()]
    start = shlex.join(["exec", "/usr/bin/env", "-i", *words, *command])
    return f"run_command() {{\n\tcd {shlex.quote(directory)} || exit 126\n\t{start}\n}}"


def passed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's `environment` the command sees: what names programs, languages and test options."""
    return {name: value for name, value in environment.items() if _PASSED.fullmatch(name)}


def find_busybox() -> Path:
    """The statically linked busybox of this machine; raises `VmError` if there is none."""
    for path in (Path("/bin/busybox"), Path("/usr/bin/busybox")):
        if os.access(path, os.X_OK) and is_static(path.read_bytes()):
            return path
    raise VmError("no statically linked busybox", hint="apt install busybox-static")


def is_static(elf: bytes) -> bool:
    """Whether a 64-bit little-endian ELF file names no interpreter (elf(5)), so that it runs without libraries."""
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    return all(struct.unpack_from("<I", elf, table + i * size)[0] != _PT_INTERP for i in range(count))

"""Whether KVM works here: /dev/kvm can exist and yet run no guest, as inside some virtual machines.

The only proof is a guest that runs; it is asked for once per boot of this machine.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.vm.kernel import Kernel

__all__ = ["kvm_works", "remembered", "try_kvm"]

_DEVICE = "/dev/kvm"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CACHE = Path(__file__).resolve().parents[2] / "build" / "vm"
_SECONDS = 10


def kvm_works(qemu: str, kernel: Kernel, *, cache: Path = _CACHE) -> bool:
    """Whether `qemu` runs `kernel` under KVM, for this user; `cache` is the directory that remembers the answer."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    note = cache / f"kvm-{os.getuid()}"
    boot = _BOOT_ID.read_text().strip()
    known = remembered(note, boot)
    if known is None:
        known = try_kvm(qemu, kernel)
        with contextlib.suppress(PermissionError):  # a tree of someone else's: it is asked again next time
            cache.mkdir(parents=True, exist_ok=True)
            note.write_text(f"{boot} {'works' if known else 'fails'}\n")
    return known


def remembered(note: Path, boot: str) -> bool | None:
    """The answer in the file `note`, if it is one of this `boot`."""
    words = note.read_text().split() if note.exists() else []
    return words[1] == "works" if len(words) == 2 and words[0] == boot else None


def try_kvm(qemu: str, kernel: Kernel) -> bool:
    """Whether `kernel` gets as far as its panic for want of a root, which ends a guest that may not reboot."""
    machine = ["-machine", "virt,gic-version=max"] if os.uname().machine == "aarch64" else []
    command = [qemu, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot", *machine]
    command += ["-accel", "kvm", "-cpu", "host", "-m", "512", "-append", "panic=-1", "-kernel", str(kernel.image)]
    quiet = subprocess.DEVNULL
    try:
        return not subprocess.run(
            command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=_SECONDS, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return False

"""The kernel that the guest boots: an image, and a directory of modules that fit it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vm.errors import VmError
from tests.vm.modules import ModuleIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Kernel", "find_kernel", "installed_kernels", "version_key"]

_IMAGE = "vmlinuz-"
_PACKAGES = {"x86_64": "linux-image-cloud-amd64", "aarch64": "linux-image-cloud-arm64"}
_FULL_PACKAGES = {"x86_64": "linux-image-amd64", "aarch64": "linux-image-arm64"}


@dataclass(frozen=True, slots=True)
class Kernel:
    """A bootable kernel: `modules` is the directory that holds its `modules.dep`."""

    version: str
    image: Path
    modules: Path

    def index(self) -> ModuleIndex:
        """What its modules are."""
        return ModuleIndex.read(self.modules)


def version_key(version: str) -> list[int]:
    """The numbers in a kernel's version: 6.12 is newer than 6.1."""
    return [int(number) for number in re.findall(r"\d+", version)]


def installed_kernels(root: Path) -> list[Kernel]:
    """The kernels below `root`, newest first: its /boot/vmlinuz-* that have modules."""
    versions = (image.name.removeprefix(_IMAGE) for image in root.glob(f"boot/{_IMAGE}*"))
    found = [Kernel(v, root / f"boot/{_IMAGE}{v}", root / "lib/modules" / v) for v in versions]
    found = [kernel for kernel in found if (kernel.modules / "modules.dep").exists()]
    # Of one version the kernel for clouds, which has fewer drivers, boots faster.
    return sorted(found, key=lambda kernel: (version_key(kernel.version), "cloud" in kernel.version), reverse=True)


def find_kernel(wanted: str | None, needed: Sequence[str], *, root: Path = Path("/")) -> Kernel:
    """The kernel to boot.

    Parameters: `wanted` is a version that is installed, or a directory with boot/ and lib/modules/
    in it (an unpacked package), or None for the newest that has the modules `needed`.
    Raises `VmError` if there is none, it lacks a needed module, or its image can not be read.
    """
    if wanted and os.path.isdir(wanted):
        candidates = installed_kernels(Path(wanted).resolve())
    else:
        candidates = [kernel for kernel in installed_kernels(root) if wanted in (None, kernel.version)]
    if not candidates:
        what = f"kernel {wanted} with modules" if wanted else "kernel in /boot with modules in /lib/modules"
        raise VmError(f"no {what}", hint=f"apt install {_PACKAGES.get(os.uname().machine, 'linux-image')}")
    usable = [kernel for kernel in candidates if not kernel.index().lacking(needed)]
    if not usable:
        lacking = ", ".join(candidates[0].index().lacking(needed))
        hint = f"apt install {_FULL_PACKAGES.get(os.uname().machine, 'linux-image')}"
        raise VmError(f"kernel {candidates[0].version} has no module {lacking}", hint=hint)
    if not os.access(usable[0].image, os.R_OK):
        raise VmError(f"read {usable[0].image}: not allowed", hint=f"as root: chmod a+r {usable[0].image}")
    return usable[0]

"""QEMU's command line, for x86-64 and arm64: guest and machine are of one architecture."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.vm.errors import VmError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "ARCHITECTURES",
    "MODULES",
    "SCRATCH",
    "SWAP",
    "Architecture",
    "Hardware",
    "architecture",
    "disk_node",
    "qemu_command",
]

MODULES = ("virtio_pci", "virtio_console", "overlay")
"""The kernel modules without which the guest reaches neither its ports nor its root."""

SCRATCH, SWAP = "firkin-scratch", "firkin-swap"
"""The serial numbers of disks, as in /sys/block/*/serial."""

_KERNEL_OPTIONS = (
    "quiet",
    "panic=-1",
    "cgroup_no_v1=all",
    "mitigations=off",
    "random.trust_cpu=on",
    "init_on_alloc=0",  # zeroing each page costs an emulated processor a tenth of its time
)


@dataclass(frozen=True, slots=True)
class Architecture:
    """What differs between machines. `machine` and `processor` are for (KVM, emulation)."""

    qemu: str
    package: str
    console: str
    machine: tuple[str, str]
    processor: tuple[str, str]
    kernel_options: tuple[str, ...] = ()


ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(
        qemu="qemu-system-x86_64",
        package="qemu-system-x86",
        console="ttyS0",
        machine=("pc", "pc"),
        # la57 makes page walks longer. QEMU 7.2 emulates the flags of cmpxchg16b wrongly: kernels >= 6.12 oops.
        processor=("host", "max,-la57,-cx16"),
        kernel_options=("no_timer_check",),
    ),
    "aarch64": Architecture(
        qemu="qemu-system-aarch64",
        package="qemu-system-arm",
        console="ttyAMA0",
        machine=("virt,gic-version=max", "virt,gic-version=max"),
        # The architected pointer authentication takes most of an emulated processor's time.
        processor=("host", "max,pauth-impdef=on"),
    ),
}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the guest is made of: `memory` in MiB, `disks` as (file, serial number), `shares` as QEMU arguments."""

    image: Path
    initramfs: Path
    console: Path
    processors: int
    memory: int
    kvm: bool
    ports: Mapping[str, str]
    shares: Sequence[str] = ()
    disks: Sequence[tuple[Path, str]] = ()


def architecture(machine: str | None = None) -> Architecture:
    """The architecture of `machine` (this one), with its QEMU installed; raises `VmError`."""
    name = machine or os.uname().machine
    if name not in ARCHITECTURES:
        raise VmError(f"no guest for {name}", hint=f"there is one for {' and '.join(ARCHITECTURES)}")
    found = ARCHITECTURES[name]
    if shutil.which(found.qemu) is None:
        raise VmError(f"no {found.qemu}", hint=f"apt install {found.package}")
    return found


def disk_node(index: int) -> str:
    """The device node of the disk at `index` of `Hardware.disks`."""
    return f"/dev/vd{chr(ord('a') + index)}"


def qemu_command(arch: Architecture, hardware: Hardware) -> list[str]:
    """The arguments that start `hardware`."""
    options = " ".join((f"console={arch.console}", *_KERNEL_OPTIONS, *arch.kernel_options))
    ram = f"memory-backend-memfd,id=ram,share=on,size={hardware.memory}M"  # virtiofsd maps it too
    return [
        *(arch.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot"),
        *_processors(arch, hardware),
        *("-object", ram, "-m", f"{hardware.memory}M"),
        *("-kernel", str(hardware.image), "-initrd", str(hardware.initramfs), "-append", options),
        *("-serial", f"file:{hardware.console}", "-device", "virtio-serial-pci"),
        *(word for name, path in hardware.ports.items() for word in _port(name, path)),
        *hardware.shares,
        *(word for index, disk in enumerate(hardware.disks) for word in _disk(index, *disk)),
    ]


def _processors(arch: Architecture, hardware: Hardware) -> list[str]:
    emulated = not hardware.kvm
    # One thread for all processors: with a thread for each, kernels >= 6.12 oops under QEMU 7.2.
    accelerator = "tcg,thread=single" if emulated else "kvm"
    machine = f"{arch.machine[emulated]},memory-backend=ram"
    count = str(hardware.processors)
    return ["-machine", machine, "-accel", accelerator, "-cpu", arch.processor[emulated], "-smp", count]


def _port(name: str, path: str) -> list[str]:
    return ["-chardev", f"file,id={name},path={path}", "-device", f"virtserialport,chardev={name},name={name}"]


def _disk(index: int, file: Path, serial: str) -> list[str]:
    name = f"disk{index}"
    drive = f"file={file},format=raw,if=none,id={name},cache=unsafe,discard=unmap"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name},serial={serial}"]

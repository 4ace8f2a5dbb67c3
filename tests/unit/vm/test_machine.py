"""QEMU is told what the guest is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.errors import VmError
from tests.vm.machine import ARCHITECTURES, Hardware, architecture, disk_node, qemu_command


def hardware(*, kvm: bool) -> Hardware:
    return Hardware(
        image=Path("/boot/vmlinuz"),
        initramfs=Path("/tmp/initramfs"),
        console=Path("/tmp/console"),
        processors=3,
        memory=512,
        kvm=kvm,
        ports={"stdout": "/dev/fd/7"},
        shares=["-device", "share"],
        disks=[(Path("/tmp/disk"), "serial")],
    )


def option(command: list[str], name: str) -> str:
    assert command.count(name) == 1
    return command[command.index(name) + 1]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("kvm", [False, True])
def test_memory_is_shared_with_virtiofsd_on_every_machine(name: str, kvm: bool) -> None:
    command = qemu_command(ARCHITECTURES[name], hardware(kvm=kvm))
    assert option(command, "-object") == "memory-backend-memfd,id=ram,share=on,size=512M"
    assert option(command, "-machine").endswith(",memory-backend=ram")
    assert option(command, "-smp") == "3"


@pytest.mark.parametrize(("name", "console"), [("x86_64", "console=ttyS0 "), ("aarch64", "console=ttyAMA0 ")])
def test_the_kernel_is_told_its_console_and_to_leave_cgroup_v1_alone(name: str, console: str) -> None:
    options = option(qemu_command(ARCHITECTURES[name], hardware(kvm=False)), "-append")
    assert options.startswith(console)
    assert "cgroup_no_v1=all" in options.split()


def test_emulated_processors_share_a_thread_and_lack_what_is_emulated_wrongly() -> None:
    command = qemu_command(ARCHITECTURES["x86_64"], hardware(kvm=False))
    assert option(command, "-accel") == "tcg,thread=single"
    assert "-cx16" in option(command, "-cpu").split(",")


def test_kvm_passes_the_processor_through() -> None:
    for arch in ARCHITECTURES.values():
        command = qemu_command(arch, hardware(kvm=True))
        assert (option(command, "-accel"), option(command, "-cpu")) == ("kvm", "host")


def test_a_port_and_a_disk_are_each_a_backend_and_a_device() -> None:
    command = " ".join(qemu_command(ARCHITECTURES["aarch64"], hardware(kvm=False)))
    assert "-chardev file,id=stdout,path=/dev/fd/7 -device virtserialport,chardev=stdout,name=stdout" in command
    assert "file=/tmp/disk,format=raw,if=none,id=disk0" in command
    assert "-device virtio-blk-pci,drive=disk0,serial=serial" in command


def test_disks_are_named_in_their_order() -> None:
    assert [disk_node(index) for index in range(3)] == ["/dev/vda", "/dev/vdb", "/dev/vdc"]


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(VmError, match=r"^no guest for riscv64 \(there is one for x86_64 and aarch64\)$"):
        architecture("riscv64")

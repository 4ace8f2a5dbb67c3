"""One guest from its start to its end."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vm import machine, shares
from tests.vm.acceleration import kvm_works
from tests.vm.errors import VmError
from tests.vm.initramfs import Boot, initramfs, passed_environment
from tests.vm.kernel import find_kernel
from tests.vm.machine import Hardware, architecture, disk_node, qemu_command
from tests.vm.processes import Children
from tests.vm.streams import Channel, Notes, Outlet, watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.vm.kernel import Kernel

__all__ = ["DIED", "TIMED_OUT", "Description", "Options", "describe", "run"]

DIED, TIMED_OUT = 125, 124
"""The statuses of a run whose command did not end by itself."""

_CONSOLE = 8000
_SYSTEMD = "/lib/systemd/systemd"  # where guest/init.sh starts it


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chooses: `memory`, `disks` and `swap` in MiB, `timeout` in seconds."""

    processors: int = 2
    memory: int = 1024
    kernel: str | None = None
    writable: Sequence[str] = ()
    disks: Sequence[int] = ()
    swap: int = 0
    systemd: bool = False
    timeout: float = 3600


@dataclass(frozen=True, slots=True)
class Description:
    """What a guest would be made of on this machine."""

    kernel: Kernel
    kvm: bool
    share_type: str

    def __str__(self) -> str:
        return f"Linux {self.kernel.version}, {'KVM' if self.kvm else 'emulated'}"


@dataclass(frozen=True, slots=True)
class _Outcome:
    started: bool
    status: int | None
    timed_out: bool
    console: str


def describe(options: Options) -> Description:
    """What a guest of these `options` is made of; raises `VmError` where something is not installed."""
    if options.systemd and not os.path.exists(_SYSTEMD):
        raise VmError(f"no {_SYSTEMD}", hint="apt install systemd dbus")
    arch = architecture()
    share_type = shares.share_type()
    kernel = find_kernel(options.kernel, _modules(options, share_type))
    return Description(kernel, kvm_works(arch.qemu, kernel), share_type)


def run(options: Options, command: Sequence[str]) -> int:
    """Runs `command` in a guest, its output on this process's.

    Returns its status; TIMED_OUT; or DIED where the guest did not live to the end of the command,
    with its console on stderr. A guest that dies before the command has started is started once more.
    Raises `VmError` where no guest can be started.
    """
    description = describe(options)
    for attempt in (1, 2):
        outcome = _run_once(options, command, description)
        if outcome.status is not None or outcome.timed_out:
            return TIMED_OUT if outcome.status is None else outcome.status
        sys.stderr.write(outcome.console)
        if outcome.started:
            print("tests.vm: the guest died while the command ran", file=sys.stderr)
            break
        again = "; starting it once more" if attempt == 1 else ""
        print(f"tests.vm: the guest died before the command started{again}", file=sys.stderr)
    return DIED


def _run_once(options: Options, command: Sequence[str], description: Description) -> _Outcome:
    notes = Notes()
    with contextlib.ExitStack() as stack:
        runtime = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firkin-vm.")))
        channels = [
            stack.enter_context(Channel("stdout", Outlet(1))),
            stack.enter_context(Channel("stderr", Outlet(2))),
            stack.enter_context(Channel("status", notes)),
        ]
        children = stack.enter_context(Children(runtime))
        exported = _start_shares(options, description.share_type, runtime, children)
        helpers = list(children)
        hardware = _hardware(options, command, description, runtime, channels, exported)
        guest = children.start("qemu", qemu_command(architecture(), hardware), pass_fds=[c.write_end for c in channels])
        for channel in channels:
            channel.hand_over()
        timed_out = watch(channels, guest, helpers, seconds=options.timeout, is_done=notes.are_complete)
        console = hardware.console.read_text(errors="replace")[-_CONSOLE:] if hardware.console.exists() else ""
        complaints = "".join(f"{child.name}: {child.complaint()}\n" for child in children if child.complaint())
        return _Outcome(notes.started, notes.status, timed_out, console + complaints)


def _modules(options: Options, share_type: str) -> list[str]:
    disks = ["virtio_blk"] if options.disks or options.swap else []
    return [*machine.MODULES, *shares.MODULES[share_type], *disks, *(["ext4"] if options.disks else [])]


def _start_shares(options: Options, share_type: str, runtime: Path, children: Children) -> list[str]:
    exported = shares.directories([os.path.realpath(path) for path in options.writable])
    missing = [share.path for share in exported if not os.path.isdir(share.path)]
    if missing:
        raise VmError(f"share {missing[0]}: no such directory")
    if share_type == "9p":
        return [word for share in exported for word in shares.plan9(share)]
    return [word for share in exported for word in shares.virtiofs(share, runtime, children)]


def _hardware(
    options: Options,
    command: Sequence[str],
    description: Description,
    runtime: Path,
    channels: Sequence[Channel],
    exported: Sequence[str],
) -> Hardware:
    disks = _make_disks(options, runtime)
    archive = initramfs(description.kernel, _boot(options, command, description, len(disks)))
    (runtime / "initramfs").write_bytes(archive)
    return Hardware(
        image=description.kernel.image,
        initramfs=runtime / "initramfs",
        console=runtime / "console",
        processors=options.processors,
        memory=options.memory,
        kvm=description.kvm,
        ports={channel.name: f"/dev/fd/{channel.write_end}" for channel in channels},
        shares=exported,
        disks=disks,
    )


def _boot(options: Options, command: Sequence[str], description: Description, disks: int) -> Boot:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Boot(
        command=command,
        directory=os.getcwd(),
        environment=passed_environment(os.environ),
        share_type=description.share_type,
        modules=_modules(options, description.share_type),
        writable=[os.path.realpath(path) for path in options.writable],
        swap=disk_node(disks - 1) if options.swap else "",
        inodes=soft * 2 // 3 if description.share_type == "virtiofs" else None,
        systemd=options.systemd,
    )


def _make_disks(options: Options, runtime: Path) -> list[tuple[Path, str]]:
    disks = []
    sizes = [(size, machine.SCRATCH) for size in options.disks] + [(options.swap, machine.SWAP)] * bool(options.swap)
    for index, (size, serial) in enumerate(sizes):
        path = runtime / f"disk{index}"
        with path.open("wb") as file:
            file.truncate(size << 20)
        disks.append((path, serial))
    return disks

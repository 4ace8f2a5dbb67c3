"""The kernel takes device programs, and processes in the cgroup meet what they say."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from firkin.cgroupfs.device_program import INSTRUCTION_SIZE, assemble
from firkin.cgroupfs.hierarchy import find_hierarchy
from firkin.oci.runtime_spec import DeviceRule

pytestmark = pytest.mark.requires("root", "cgroup2")

SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
BPF_PROG_LOAD, BPF_PROG_ATTACH = 5, 8
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2
KMSG = (1, 11)
DENY_ALL = DeviceRule(allow=False, access="rwm")


class LoadAttr(ctypes.Structure):
    _fields_ = [
        ("prog_type", ctypes.c_uint32),
        ("insn_cnt", ctypes.c_uint32),
        ("insns", ctypes.c_uint64),
        ("license", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buf", ctypes.c_uint64),
    ]


class AttachAttr(ctypes.Structure):
    _fields_ = [
        ("target_fd", ctypes.c_uint32),
        ("attach_bpf_fd", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
    ]


libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attr: ctypes.Structure, log: ctypes.Array[ctypes.c_char] | None = None) -> int:
    result = int(libc.syscall(ctypes.c_long(SYS_BPF), command, ctypes.byref(attr), ctypes.sizeof(attr)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: {log.value.decode() if log else ''}")
    return result


def load(program: bytes) -> int:
    instructions = ctypes.create_string_buffer(program, len(program))
    license_ = ctypes.create_string_buffer(b"Apache-2.0")
    log = ctypes.create_string_buffer(1 << 20)
    attr = LoadAttr(
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(program) // INSTRUCTION_SIZE,
        ctypes.addressof(instructions),
        ctypes.addressof(license_),
        1,
        len(log),
        ctypes.addressof(log),
    )
    return bpf(BPF_PROG_LOAD, attr, log)


@pytest.fixture
def group() -> Iterator[Path]:
    path = Path(find_hierarchy().mount) / f"firkin-test-{uuid.uuid4().hex}"
    path.mkdir()
    yield path
    path.rmdir()


def attach(rules: list[DeviceRule], group: Path) -> None:
    program = load(assemble(rules))
    directory = os.open(group, os.O_DIRECTORY)
    try:
        bpf(BPF_PROG_ATTACH, AttachAttr(directory, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI))
    finally:
        os.close(directory)
        os.close(program)


def errno_inside(group: Path, node: Path, flags: int) -> int:
    # The errno of an open by a process in the cgroup, 0 for none.
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            (group / "cgroup.procs").write_text(str(os.getpid()))
            code = 0
            os.open(node, flags | os.O_NONBLOCK)
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def kmsg(tmp_path: Path) -> Path:
    node = tmp_path / "kmsg"
    os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(*KMSG))
    return node


def allow_kmsg(access: str) -> DeviceRule:
    return DeviceRule(allow=True, type="c", major=KMSG[0], minor=KMSG[1], access=access)


@pytest.mark.parametrize("node", ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"])
def test_standard_devices_can_be_opened(group: Path, node: str) -> None:
    attach([DENY_ALL], group)
    assert errno_inside(group, Path(node), os.O_RDWR) == 0


def test_other_devices_can_not(group: Path, kmsg: Path) -> None:
    assert errno_inside(group, kmsg, os.O_RDONLY) == 0
    attach([DENY_ALL], group)
    assert errno_inside(group, kmsg, os.O_RDONLY) == errno.EPERM


@pytest.mark.parametrize(
    ("rules", "reading", "writing", "both"),
    [
        ([allow_kmsg("r")], 0, errno.EPERM, errno.EPERM),
        ([allow_kmsg("w")], errno.EPERM, 0, errno.EPERM),
        ([allow_kmsg("r"), allow_kmsg("w")], 0, 0, 0),
        ([DeviceRule(allow=True, access="rwm"), DeviceRule(allow=False, type="c", major=1, access="w")], 0, 1, 1),
        ([DeviceRule(allow=True, access="rwm")], 0, 0, 0),
        ([allow_kmsg("rwm"), DENY_ALL], 1, 1, 1),
    ],
)
def test_rules_decide_by_access(
    group: Path, kmsg: Path, rules: list[DeviceRule], reading: int, writing: int, both: int
) -> None:
    attach(rules, group)
    found = [errno_inside(group, kmsg, flags) for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)]
    assert found == [reading, writing, both]


def test_a_device_of_another_number_is_not_meant(group: Path, tmp_path: Path) -> None:
    node = tmp_path / "mem"
    os.mknod(node, 0o600 | stat.S_IFCHR, os.makedev(1, 1))
    attach([allow_kmsg("rwm")], group)
    assert errno_inside(group, node, os.O_RDONLY) == errno.EPERM


@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_verifier_takes_lists_of_any_length(count: int) -> None:
    rules = [
        DeviceRule(
            allow=index % 3 > 0,
            type="abc"[index % 3],
            major=index,
            minor=index % 7,
            access=["r", "w", "rwm"][index % 3],
        )
        for index in range(count)
    ]
    os.close(load(assemble(rules)))


@pytest.mark.parametrize(
    "rules",
    [
        [DeviceRule(allow=allowed, type=type_, major=major, access=access)]
        for allowed in (True, False)
        for type_ in "abc"
        for major in (None, 0xFFFFFFFF)
        for access in ("r", "rw", "m", "rwm")
    ],
)
def test_the_verifier_takes_every_kind_of_rule(rules: list[DeviceRule]) -> None:
    os.close(load(assemble(rules)))
    os.close(load(assemble([*rules, *rules, DENY_ALL, *rules])))

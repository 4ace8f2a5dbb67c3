"""Rules for the system call filter (config-linux.md#seccomp); the names are those of libseccomp 2.6."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.checks import known, known_all, no_nul, no_nuls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec.seccomp import Seccomp, Syscall, SyscallArg

__all__ = ["ACTIONS", "ARCHITECTURES", "FLAGS", "OPERATORS", "check_seccomp"]

ACTIONS = (
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
)
# The greatest value each action can carry: MAX_ERRNO of the kernel, and the 16 bits of SECCOMP_RET_DATA.
_LAST_ERRNO = {"SCMP_ACT_ERRNO": 4095, "SCMP_ACT_TRACE": 0xFFFF}
OPERATORS = (
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)
FLAGS = (
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)
ARCHITECTURES = (
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
)


def check_seccomp(seccomp: Seccomp, prefix: str) -> None:
    """Check a seccomp record; `prefix` is its JSON path with a dot. Raises ConfigError."""
    known(seccomp.default_action, ACTIONS, f"{prefix}defaultAction", "action")
    _check_errno(seccomp.default_errno_ret, seccomp.default_action, f"{prefix}defaultErrnoRet")
    known_all(seccomp.architectures, ARCHITECTURES, f"{prefix}architectures", "architecture")
    known_all(seccomp.flags, FLAGS, f"{prefix}flags", "filter flag")
    for index, syscall in enumerate(seccomp.syscalls):
        _check_syscall(syscall, f"{prefix}syscalls[{index}]")
    _check_listener(seccomp, prefix)


def _check_syscall(syscall: Syscall, path: str) -> None:
    if not syscall.names:
        raise ConfigError(f"{path}.names", "must name at least one system call")
    no_nuls(syscall.names, f"{path}.names")
    known(syscall.action, ACTIONS, f"{path}.action", "action")
    _check_errno(syscall.errno_ret, syscall.action, f"{path}.errnoRet")
    _check_args(syscall.args, f"{path}.args")


def _check_args(args: Sequence[SyscallArg], path: str) -> None:
    for index, arg in enumerate(args):
        if arg.index > 5:
            raise ConfigError(f"{path}[{index}].index", f"must be from 0 to 5, got {arg.index}")
        known(arg.op, OPERATORS, f"{path}[{index}].op", "operator")


def _check_errno(errno: int | None, action: str, path: str) -> None:
    if errno is None:
        return
    if action not in _LAST_ERRNO:
        raise ConfigError(path, f"is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not for {action}")
    if errno > _LAST_ERRNO[action]:
        raise ConfigError(path, f"must be {_LAST_ERRNO[action]} or less for {action}, got {errno}")


def _check_listener(seccomp: Seccomp, prefix: str) -> None:
    no_nul(seccomp.listener_path, f"{prefix}listenerPath")
    if seccomp.listener_path:
        return
    if seccomp.listener_metadata:
        raise ConfigError(f"{prefix}listenerMetadata", "must not be set without listenerPath")
    actions = {seccomp.default_action, *(syscall.action for syscall in seccomp.syscalls)}
    if "SCMP_ACT_NOTIFY" in actions:
        raise ConfigError(f"{prefix}listenerPath", "is required where SCMP_ACT_NOTIFY is used")

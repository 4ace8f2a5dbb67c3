"""What libseccomp knows about architectures and system calls: names, tokens and numbers.

The filters themselves are not its work. Up to 2.6.0 it merges comparisons of different rules for one call in a way
that weakens the filter (GHSA-4q85-33p6-j5g6), loops for ever on some, and corrupts its heap on oversized ones
(GHSA-2hqh-5c36-grrm), and its time and its programs grow with the square of the rules.
Source: seccomp_syscall_resolve_name(3), seccomp_arch_add(3).
"""

from __future__ import annotations

from firkin.runtime import _seccomp

__all__ = [
    "architecture_token",
    "library_path",
    "library_version",
    "native_architecture",
    "syscall_name",
    "syscall_number",
]

_lib = _seccomp.lib
_ffi = _seccomp.ffi

_NO_SUCH_CALL = -1  # __NR_SCMP_ERROR


def library_version() -> str:
    """The version of the libseccomp that is loaded."""
    version = _lib.seccomp_version()
    return f"{version.major}.{version.minor}.{version.micro}"


def library_path() -> str:
    """The file that libseccomp was loaded from, "" if the loader does not say."""
    path = _lib.firkin_library()
    return "" if path == _ffi.NULL else _ffi.string(path).decode()


def native_architecture() -> int:
    """The token of the architecture that this process runs on."""
    return int(_lib.seccomp_arch_native())


def architecture_token(name: str) -> int:
    """The token of an architecture such as `x86_64`; 0 if this libseccomp does not know it."""
    return int(_lib.seccomp_arch_resolve_name(name.encode()))


def syscall_number(token: int, name: str) -> int | None:
    """The number of a call on an architecture; None if this libseccomp knows no such call.

    It is negative if only other architectures have the call, or if this one has it as a part of socketcall(2) or
    ipc(2): -100 or -200, minus the number of the part.
    """
    number = int(_lib.seccomp_syscall_resolve_name_arch(token, name.encode("utf-8", "surrogatepass")))
    return None if number == _NO_SUCH_CALL else number


def syscall_name(token: int, number: int) -> str | None:
    """The name of a call on an architecture; None if this libseccomp knows no such number."""
    name = _lib.seccomp_syscall_resolve_num_arch(token, number)
    return None if name == _ffi.NULL else _ffi.string(_ffi.gc(name, _lib.free)).decode()

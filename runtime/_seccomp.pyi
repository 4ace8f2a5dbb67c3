"""libseccomp's functions for names and numbers, as cffi gives them. Built by csrc/seccomp_build.py."""

from collections.abc import Callable
from typing import Final, NewType

_Pointer = NewType("_Pointer", object)

class _Version:
    major: int
    minor: int
    micro: int

class _Lib:
    def seccomp_version(self) -> _Version: ...
    def seccomp_arch_native(self) -> int: ...
    def seccomp_arch_resolve_name(self, arch_name: bytes) -> int: ...
    def seccomp_syscall_resolve_name_arch(self, arch_token: int, name: bytes) -> int: ...
    def seccomp_syscall_resolve_num_arch(self, arch_token: int, num: int) -> _Pointer: ...
    def free(self, pointer: _Pointer) -> None: ...
    def firkin_library(self) -> _Pointer:
        """The file that libseccomp was loaded from, NULL if the loader does not say."""

class _FFI:
    NULL: Final[_Pointer]

    def gc(self, cdata: _Pointer, destructor: Callable[[_Pointer], None]) -> _Pointer: ...
    def string(self, cdata: _Pointer) -> bytes: ...

lib: _Lib
ffi: _FFI

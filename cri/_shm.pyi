"""The binding of csrc/shm.h, made by csrc/shm_build.py."""

class _Lib:
    def shm_mount(self, directory: int, size: bytes) -> int: ...
    def shm_unmount(self, path: bytes) -> int: ...

lib: _Lib

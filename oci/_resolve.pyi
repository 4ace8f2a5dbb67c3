"""The binding of csrc/resolve.h, made by csrc/image_build.py."""

class _Lib:
    def resolve_open(self, root: int, path: bytes, flags: int) -> int: ...

lib: _Lib

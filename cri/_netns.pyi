"""The binding of csrc/netns.h, made by csrc/netns_build.py."""

class _Lib:
    def netns_socket(self, netns: int, family: int, type: int) -> int: ...

lib: _Lib

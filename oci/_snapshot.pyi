"""The binding of csrc/overlay.h, csrc/tree.h and csrc/users.h, made by csrc/snapshot_build.py."""

from typing import Any

ffi: Any
lib: Any

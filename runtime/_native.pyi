"""The binding of csrc/spawn.h, made by csrc/native_build.py."""

from typing import Any

ffi: Any
lib: Any

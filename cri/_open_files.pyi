"""The binding of csrc/open_files.h, made by csrc/open_files_build.py."""

from typing import Any

ffi: Any
lib: Any

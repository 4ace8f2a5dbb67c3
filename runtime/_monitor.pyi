"""The binding of csrc/monitor.h, made by csrc/monitor_build.py."""

from typing import Any

ffi: Any
lib: Any

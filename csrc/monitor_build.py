"""Writes the C source of `firkin.runtime._monitor`, the binding of what callers and clients of a monitor need."""

import re
import sys
from pathlib import Path

import cffi


def declarations(header: str) -> str:
    """Everything that monitor.h declares, as cffi reads it: without comments and directives."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    numbers = dict(re.findall(r"#define (MONITOR_\w+) (\d+)", text))
    names = re.findall(r'#define (MONITOR_\w+) "', text)
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for name, value in numbers.items():
        text = text.replace(f"[{name}]", f"[{value}]")
    constants = [f"#define {name} {value}" for name, value in numbers.items()]
    return "\n".join([*constants, *(f"static char *const {name};" for name in names), text])


if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(declarations((Path(__file__).parent / "monitor.h").read_text()))
    ffi.set_source("firkin.runtime._monitor", '#include "monitor.h"')
    ffi.emit_c_code(sys.argv[1])

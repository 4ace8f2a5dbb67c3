"""Writes the C source of `firkin.oci._resolve`: opening files of a root file system that is not trusted."""

import sys

import cffi

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef("int resolve_open(int root, const char *path, uint64_t flags);")
    ffi.set_source("firkin.oci._resolve", '#include "resolve.h"')
    ffi.emit_c_code(sys.argv[1])

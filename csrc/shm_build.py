"""Writes the C source of `firkin.cri._shm`: the /dev/shm of pods."""

import sys

import cffi

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef("int shm_mount(int directory, const char *size); int shm_unmount(const char *path);")
    ffi.set_source("firkin.cri._shm", '#include "shm.h"')
    ffi.emit_c_code(sys.argv[1])

"""Writes the C source of `firkin.cri._open_files`: what the processes of a cgroup have open."""

import sys

import cffi

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef("""
        struct open_files { uint64_t processes, descriptors, sockets; };
        int open_files_count(int list, struct open_files *counts);
    """)
    ffi.set_source("firkin.cri._open_files", '#include "open_files.h"')
    ffi.emit_c_code(sys.argv[1])

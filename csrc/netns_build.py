"""Writes the C source of `firkin.cri._netns`: sockets in network namespaces of others."""

import sys

import cffi

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef("int netns_socket(int netns, int family, int type);")
    ffi.set_source("firkin.cri._netns", '#include "netns.h"')
    ffi.emit_c_code(sys.argv[1])

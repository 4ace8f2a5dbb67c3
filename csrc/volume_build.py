"""Writes the C source of `firkin.kubelet._volume`: mounts for the volumes of pods."""

import sys

import cffi

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(
        """
        int volume_tmpfs(int directory, const char *size, int noswap);
        int volume_hugetlbfs(int directory, const char *page);
        int volume_bind(int source, int target);
        int volume_open(int directory, const char *path, uint64_t flags);
        int volume_unmount(const char *path);
        """
    )
    ffi.set_source("firkin.kubelet._volume", '#include "volume.h"')
    ffi.emit_c_code(sys.argv[1])

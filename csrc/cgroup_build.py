"""Writes the C source of `firkin.cgroupfs._kernel`: what cgroupfs needs that Python has no function for."""

import sys

import cffi

DECLARATIONS = """
struct process {
    int program_fd;
    const char *program;
    char *const *argv;
    char *const *envp;
    uint64_t flags;
    int cgroup;
    int streams[3];
    int keep[2];
    unsigned first_closed;
    int detached;
    int pid;
    int pidfd;
};
int process_start(struct process *process);
int device_program_load(const void *instructions, uint32_t size);
int device_program_attach(int cgroup, int program, int replaced);
int device_program_list(int cgroup, uint32_t *ids, uint32_t room);
int device_program_open(uint32_t id);
"""

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source("firkin.cgroupfs._kernel", '#include "device_program.h"\n#include "process.h"')
    ffi.emit_c_code(sys.argv[1])

"""Writes the C source of `firkin.runtime._native`, the binding of the spawner."""

import sys

import cffi

DECLARATIONS = """
struct spawn_outcome {
    int error; int section; uint32_t op;
    int undo_error; uint32_t undo_op;
    int pid; int pidfd; int terminal; int output; int cgroup;
    char detail[232];
};
struct spawn_hook {
    const char *path; char *const *args; char *const *env;
    int64_t timeout_ms;
    const char *state; uint32_t state_size;
    int pid; int output;
    char detail[232];
};
int spawn_load_init(const char *path);
int spawn_plan(const void *plan, size_t size, int init, const int *streams, struct spawn_outcome *outcome);
int spawn_hook(struct spawn_hook *hook);
struct spawn_program {
    const char *path; char *const *args; char *const *env;
    int streams[3]; int keep[2];
    int pid; int pidfd;
};
int spawn_program(struct spawn_program *program);
int64_t spawn_start_time(int pid);
int spawn_wait(int pidfd, int64_t timeout_ms);
int kept_facts(char *to, size_t room);
uint64_t kept_name(const void *key, size_t size);
struct kept_plan { ...; };
int kept_open(struct kept_plan *kept, const char *directory, const void *key, size_t size);
void kept_close(struct kept_plan *kept);
"""

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source("firkin.runtime._native", '#include "plan_kept.h"\n#include "spawn.h"')
    ffi.emit_c_code(sys.argv[1])

"""Writes the C source of `firkin.oci._snapshot`: overlay mounts by descriptor, and trees of files."""

import sys

import cffi

DECLARATIONS = """
struct plan_bytes { const char *data; uint32_t size; };
struct overlay {
    char *const *lower;
    const char *upper;
    const char *work;
    struct plan_bytes options;
    int users;
};
struct tree_place { char path[4096]; };
struct tree_usage { uint64_t bytes; uint64_t inodes; };
struct tree_range { uint32_t inside; uint32_t outside; uint32_t count; };
struct tree_ids {
    const struct tree_range *uids;
    const struct tree_range *gids;
    size_t uid_count;
    size_t gid_count;
};
int overlay_mount(const struct overlay *overlay, char *detail, size_t room);
int users_open(struct plan_bytes uid_map, struct plan_bytes gid_map);
int tree_remove(int directory, const char *name, struct tree_place *place);
int tree_measure(int root, struct tree_usage *usage, struct tree_place *place);
int tree_copy(int from, int to, const struct tree_ids *ids, struct tree_place *place);
int tree_sync(int root);
"""

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source("firkin.oci._snapshot", '#include "overlay.h"\n#include "tree.h"\n#include "users.h"')
    ffi.emit_c_code(sys.argv[1])

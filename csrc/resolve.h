/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of a container's root file system, which is hostile: each is resolved once, below `root`,
 * without magic links, and then used only by descriptor.
 */
#ifndef FIRKIN_RESOLVE_H
#define FIRKIN_RESOLVE_H

#include <stdint.h>

enum resolve_make { RESOLVE_EXISTING, RESOLVE_MAKE_DIRECTORY, RESOLVE_MAKE_FILE };

/* An O_PATH descriptor of `path`, made with its parents where it is missing; -errno. */
int resolve(int root, const char *path, enum resolve_make make, uint32_t mode);

/* The same without following a symbolic link in the last component; it must exist. */
int resolve_no_follow(int root, const char *path);

/* The directory of `path`, made where it is missing; `base` becomes the last component. */
int resolve_parent(int root, const char *path, const char **base);

/* Opens what is there for reading or writing (`flags`). */
int resolve_open(int root, const char *path, uint64_t flags);

#endif

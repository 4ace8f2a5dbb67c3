/* SPDX-License-Identifier: Apache-2.0 */
/* What the node agent mounts on the host for the volumes of pods, whose contents are hostile. */
#ifndef FIRKIN_VOLUME_H
#define FIRKIN_VOLUME_H

#include <stdint.h>

/* Mounts a tmpfs on the open directory; `size` (as tmpfs has it) may be empty; 0 or -errno.
 * With `noswap` its pages stay in memory, where the kernel can (Linux 6.4). */
int volume_tmpfs(int directory, const char *size, int noswap);

/* Mounts huge pages of one size ("2M"; "" is the default of the machine) on the open directory; 0 or -errno. */
int volume_hugetlbfs(int directory, const char *page);

/* Binds one open file or directory, with what is mounted there hidden, to another one; 0 or -errno. */
int volume_bind(int source, int target);

/* Opens `path` below the open directory (`flags` of open(2)); -EXDEV if it leads out. */
int volume_open(int directory, const char *path, uint64_t flags);

/* Takes away what is mounted on `path`, also while it is in use; 0 if nothing is, or -errno. */
int volume_unmount(const char *path);

#endif

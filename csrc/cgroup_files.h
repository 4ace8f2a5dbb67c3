/* SPDX-License-Identifier: Apache-2.0 */
/* The interface files of a cgroup, which is a descriptor of its directory. */
#ifndef FIRKIN_CGROUP_FILES_H
#define FIRKIN_CGROUP_FILES_H

#include <stddef.h>
#include <stdint.h>

/* The text of a small file, cut to fit; 0 or -errno. */
int cgroup_read(int dir, const char *file, char *to, size_t room);

/* One write; 0 or -errno. */
int cgroup_write(int dir, const char *file, const char *data, size_t size);

/* The value of a key of a flat keyed text, or -1 if it is not there. */
int64_t cgroup_value(const char *text, const char *key);

/* Whether a live process is in the cgroup or below; -errno. */
int cgroup_populated(int dir);

/* SIGKILL to every process in the cgroup and below; 0 or -errno. */
int cgroup_kill(int dir);

/* Waits until no live process is in it or below; 0 or -errno. */
int cgroup_wait_empty(int dir);

/* The usual place where cgroup v2 is mounted, or 0 if it is in none. */
const char *cgroup_mount(void);

#endif

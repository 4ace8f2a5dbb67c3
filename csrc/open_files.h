/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a cgroup have open, counted in /proc. */
#ifndef FIRKIN_OPEN_FILES_H
#define FIRKIN_OPEN_FILES_H

#include <stdint.h>

struct open_files {
	uint64_t processes, descriptors, sockets; /* sockets are descriptors, too */
};

/*
 * Adds up those of all processes that the open file `list`, a cgroup.procs, names. One that ends meanwhile counts as
 * far as it was seen. 0 or -errno: of the list, or of a process that must not be looked at.
 */
int open_files_count(int list, struct open_files *counts);

#endif

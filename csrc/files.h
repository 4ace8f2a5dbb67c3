/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRKIN_FILES_H
#define FIRKIN_FILES_H

#include "plan_access.h"
#include "run.h"

/* One write of all bytes, as cgroup and procfs files want it; 0 or -errno. Closes `fd` if `fd` >= 0. */
int file_write_once(long fd, const char *data, uint32_t size);

/* Writes a template with its holes filled; 0 or -errno. */
int file_write_template(int fd, struct plan_bytes template, int pid);

/* A sealed anonymous file with what is in `from`, or with a template; the descriptor or -errno. */
int file_sealed_copy(const char *name, int from);
int file_from_template(const char *name, struct plan_bytes template, int pid);

/* Prevents any later change; 0 or -errno. */
int file_seal(int memfd);

/* What is left to read in `from` is written to `to`; 0 or -errno. */
int file_copy(int to, int from);

/* Type and permission bits; 0 or -errno. */
int file_mode(int fd, uint32_t *mode);

/* Operations of both sides. */
run_operation op_open, op_open_tree, op_open_proc, op_close;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a process from one that may have threads and much memory: the child shares the memory of
 * its parent, which waits, until it executes a program (the semantics of vfork). Nothing is copied.
 */
#ifndef FIRKIN_PROCESS_H
#define FIRKIN_PROCESS_H

#include <stdint.h>

struct process {
	int program_fd;       /* executed if program is 0 */
	const char *program;
	char *const *argv;
	char *const *envp;
	uint64_t flags;       /* namespaces of the new process */
	int cgroup;           /* directory, or -1: the parent's cgroup */
	int streams[3];       /* standard input, output, error; -1: the parent's */
	int keep[2];          /* passed on beside standard input, output, error; -1: none */
	unsigned first_closed; /* descriptors from here on are closed in the program */
	int detached;         /* in a session of its own, at the root directory */
	int pid;              /* results */
	int pidfd;
};

/* 0 or -errno, also that of the execution. The program starts with no signal ignored or blocked. */
int process_start(struct process *process);

/*
 * Waits for the end of the process behind `pidfd` and reaps it. `timeout_ms` below 0 waits for ever.
 * Returns its exit status (256 + signal if a signal ended it), -ETIMEDOUT or another -errno.
 */
int process_wait(int pidfd, int64_t timeout_ms);

/* Start time in clock ticks since boot, from /proc/PID/stat; -errno. */
int64_t process_start_time(int pid);

/* Moves the calling process into the cgroup of a directory; below 0 is -errno. */
long process_enter_cgroup(int directory);

/* Opens `file` of /proc/PID; -errno. */
int process_open(int pid, const char *file, int flags);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The spawner: runs a plan. Needs no Python and no single-threaded caller. */
#ifndef FIRKIN_SPAWN_H
#define FIRKIN_SPAWN_H

#include <stddef.h>
#include <stdint.h>

struct spawn_outcome {
	int error;        /* 0, or the errno of the failure */
	int section;      /* where it happened: enum plan_section; -1: the plan itself is malformed */
	uint32_t op;      /* index of the operation in its section */
	int undo_error;   /* first errno of the undo's operations, 0 if all is undone */
	uint32_t undo_op;
	int pid;          /* of the container's first process; 0 if there is none */
	int pidfd;        /* the caller closes these; -1 where there is none */
	int terminal;     /* master of the pseudo-terminal that no console socket took */
	int output;       /* what hooks wrote, an anonymous file */
	int cgroup;       /* directory of the process's cgroup; of spawn_sealed_plan() alone */
	char detail[232]; /* more about the failure, or empty */
};

/* A sealed copy of firkin-init, for any number of plans; a descriptor or -errno. */
int spawn_load_init(const char *path);

/*
 * Runs the plan; 0 or -errno, and the outcome. After a failure the plan's undo has run. `streams` are what the process
 * has as standard input, output and error, -1 or no array for the caller's.
 */
int spawn_plan(const void *plan, size_t size, int init, const int *streams, struct spawn_outcome *outcome);

/* The same for a plan in a file that nobody can change any more, which stays open. */
int spawn_sealed_plan(int plan, int init, const int *streams, struct spawn_outcome *outcome);

/* A descriptor of a file with the plan, which nobody can change; or -errno. */
int spawn_seal_plan(const void *plan, size_t size);

/* A hook outside of any plan: after `start`, after `delete`. */
struct spawn_hook {
	const char *path;
	char *const *args;
	char *const *env;
	int64_t timeout_ms; /* below 0: none */
	const char *state;  /* JSON for its standard input; templates' holes are filled with `pid` */
	uint32_t state_size;
	int pid;
	int output;         /* takes its standard output and error; -1: the caller's */
	char detail[232];
};

/* 0, -ECHILD and `detail` if the hook ended badly, -ETIMEDOUT, or another -errno. */
int spawn_hook(struct spawn_hook *hook);

/* A program of this process that is no container's, in a session of its own, at the root directory. */
struct spawn_program {
	const char *path;
	char *const *args;
	char *const *env;
	int streams[3]; /* standard input, output, error; the caller's where below 0 */
	int keep[2];    /* passed on beside them; -1: none */
	int pid;        /* results; the caller closes pidfd, and reaps */
	int pidfd;
};

/* 0 or -errno, also that of the execution. */
int spawn_program(struct spawn_program *program);

int64_t spawn_start_time(int pid);              /* clock ticks since boot, or -errno */
int spawn_wait(int pidfd, int64_t timeout_ms);  /* as process_wait() */

#endif

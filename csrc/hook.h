/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRKIN_HOOK_H
#define FIRKIN_HOOK_H

#include "process.h"
#include "run.h"

struct hook {
	const char *path;
	char *const *args;
	char *const *env;
	int64_t timeout_ms; /* below 0: none */
	struct plan_bytes state; /* template of the JSON that the hook reads */
	int pid;                 /* of the container, as the hook's namespace sees it */
	int output;              /* for its standard output and error, or -1: the caller's */
};

/* Runs the hook to its end; 0, -ECHILD and a text in `detail` if it ended badly, or another -errno. */
int hook_run(const struct hook *hook, char *detail, unsigned room);

/* The same for any program. */
int hook_run_program(struct process *program, int64_t timeout_ms, char *detail, unsigned room);

run_operation op_hook;

#endif

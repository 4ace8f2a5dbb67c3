/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one side while it runs its operations. */
#ifndef FIRKIN_RUN_H
#define FIRKIN_RUN_H

#include "plan_access.h"

#define RUN_PROCESSORS 8192

struct run {
	struct plan plan;
	int slots[PLAN_MAX_SLOTS];
	int sync;           /* socket to the other side, or -1 */
	uint32_t op;        /* the operation that runs */
	char detail[PLAN_DETAIL]; /* what the kernel or a hook said of a failure */

	/* parent */
	int init;           /* sealed memfd of firkin-init */
	int streams[3];     /* of the child; -1: the caller's */
	int plan_fd;        /* sealed memfd of the plan */
	int pid;            /* the container's first process; its child side has getpid() */
	int pidfd;
	int network;        /* socket of the container's network namespace, or -1 */
	int terminal;       /* master of the container's pseudo-terminal, or -1 */
	uint32_t clones;    /* clones of the child that it has not told of yet */
	int child_failed;   /* the failure is the child's: `child` tells it */
	struct plan_record child;
	unsigned long affinity[RUN_PROCESSORS / 8 / sizeof(long)]; /* of this thread, to be restored after the birth */
	unsigned affinity_size; /* bytes; 0: it was not changed */

	/* child */
	int host_pid;       /* its process id where its parent is, once that has told */
	int answer;         /* where failures go after `start`, or -1 */
	int empty_tree;     /* the read-only tmpfs that masks directories, or -1 */
	int cwd_set;
};

/* An operation: 0 or -errno. */
typedef int run_operation(struct run *run, const struct plan_op *op);

struct run_entry {
	uint32_t code;
	run_operation *operation;
};

void run_prepare(struct run *run);

/* Runs the operations of `section` until one fails; its index stays in run->op. */
int run_section(struct run *run, int section, const struct run_entry *table, unsigned entries);

int run_slot(const struct run *run, uint64_t slot);           /* descriptor or -1 */
int run_fill(struct run *run, uint64_t slot, long descriptor); /* passes an error on */
const char *run_text(const struct run *run, uint64_t ref);
void run_detail(struct run *run, const char *text);

extern const struct run_entry child_operations[], parent_operations[];
extern const unsigned child_operation_count, parent_operation_count;

#endif

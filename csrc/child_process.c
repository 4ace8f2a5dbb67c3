/* SPDX-License-Identifier: Apache-2.0 */
/* The child's side of the meetings, and the birth of the second child where one is needed. */
#include "channel.h"
#include "child.h"
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

int op_setsid(struct run *run, const struct plan_op *op)
{
	(void)run;
	(void)op;
	return (int)sys_setsid();
}

/* Who is dead already is noticed at the next meeting. */
int op_die_with_parent(struct run *run, const struct plan_op *op)
{
	(void)run;
	(void)op;
	return (int)sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

int op_receive(struct run *run, const struct plan_op *op)
{
	uint64_t next = op->arg[0], end = next + op->arg[1];
	if (end > run->plan.header->slots || end < next)
		return -EINVAL;
	while (next < end) {
		struct plan_record record;
		int r = channel_receive(run->sync, &record, &run->slots[next], (unsigned)(end - next));
		if (r < 0)
			return r;
		if (record.type != PLAN_SLOTS || !r)
			return -EPROTO;
		next += (unsigned)r;
	}
	return 0;
}

int op_rendezvous(struct run *run, const struct plan_op *op)
{
	struct plan_record record = { .type = PLAN_ARRIVED, .value = (uint32_t)op->arg[0] };
	int r = channel_send(run->sync, &record, 0, 0);
	if (r >= 0)
		r = channel_receive(run->sync, &record, 0, 0);
	if (r < 0)
		return r;
	run->host_pid = (int)record.op;
	return record.type == PLAN_RELEASED && record.value == op->arg[0] ? 0 : -EPROTO;
}

/* Whether somebody has said so at the other end before it closed. */
static int has_begun(const int *ends)
{
	char byte;
	long n;
	sys_close(ends[1]);
	do
		n = sys_read(ends[0], &byte, 1);
	while (n == -EINTR);
	sys_close(ends[0]);
	return n == 1;
}

static int begin(const int *ends)
{
	long n = sys_write(ends[1], "", 1);
	sys_close(ends[0]);
	sys_close(ends[1]);
	return n < 0 ? (int)n : 0;
}

static int tell(const struct run *run, uint32_t type, long pid, const int *pidfd)
{
	struct plan_record record = { .type = type, .value = (uint32_t)pid };
	return channel_send(run->sync, &record, pidfd, 1);
}

/*
 * As in process_start(): it may be killed before its first instruction, for a kill long ago of the cgroup that this
 * process is in. Then another one is born here, and moves. Like clone3(2), it returns twice, with 0 in the new process.
 */
static long clone_into_cgroup(struct run *run, struct clone_args *args, int cgroup)
{
	int ends[2], *pidfd = (void *)(uintptr_t)args->pidfd;
	long r = sys_pipe2(ends, O_CLOEXEC);
	if (r < 0)
		return r;
	struct clone_args into = *args;
	into.flags |= CLONE_INTO_CGROUP;
	into.cgroup = (uint64_t)cgroup;
	long pid = sys_clone3(&into, sizeof into);
	if (!pid)
		return begin(ends);
	if (has_begun(ends) || pid < 0)
		return pid;
	r = tell(run, PLAN_STILLBORN, pid, pidfd);
	sys_close(*pidfd);
	if (r < 0)
		return r;
	pid = sys_clone3(args, sizeof *args);
	if (pid)
		return pid;
	r = process_enter_cgroup(cgroup);
	return r < 0 ? r : 0;
}

/*
 * The new process is a sibling, not a child, of this one, so that it belongs to the runtime's
 * caller. This one tells the runtime of it and exits.
 */
int op_clone_again(struct run *run, const struct plan_op *op)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_PIDFD | op->arg[0],
				   .pidfd = (uintptr_t)&pidfd };
	long pid = op->arg[1] == PLAN_NO_SLOT ? sys_clone3(&args, sizeof args) :
						clone_into_cgroup(run, &args, run_slot(run, op->arg[1]));
	if (pid <= 0)
		return (int)pid;
	int r = tell(run, PLAN_CLONED, pid, &pidfd);
	for (;;)
		sys_exit_group(r < 0);
}

int op_wait_start(struct run *run, const struct plan_op *op)
{
	char byte;
	long n;
	/* From here on the creator is gone: nobody listens at the socket, `start` does at the answer. */
	run->answer = run_slot(run, op->arg[1]);
	sys_close(run->sync);
	run->sync = -1;
	do
		n = sys_read(run_slot(run, op->arg[0]), &byte, 1);
	while (n == -EINTR);
	return n < 0 ? (int)n : n == 1 ? 0 : -EPIPE;
}

/* `start` has no plan at hand: it is told the code, and the place in the document in front of the detail. */
static void answer(const struct run *run, struct plan_record *record)
{
	/* Past the last operation if none of them executed a program. */
	if (run->op < run->plan.header->sections[PLAN_CHILD].count) {
		const struct plan_op *op = &plan_ops(&run->plan, PLAN_CHILD)[run->op];
		record->value = op->code;
		text_copy(record->detail, sizeof record->detail, plan_text(&run->plan, op->origin));
	}
	if (run->detail[0]) {
		text_append(record->detail, sizeof record->detail, ": ");
		text_append(record->detail, sizeof record->detail, run->detail);
	}
	sys_write(run->answer, record, sizeof *record);
}

void child_report(struct run *run, int error)
{
	struct plan_record record = { .type = PLAN_FAILED, .op = run->op, .error = -error };
	if (run->answer >= 0) {
		answer(run, &record);
		return;
	}
	text_copy(record.detail, sizeof record.detail, run->detail);
	if (run->sync >= 0)
		channel_send(run->sync, &record, 0, 0);
}

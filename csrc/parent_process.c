/* SPDX-License-Identifier: Apache-2.0 */
/* The child's birth, and the meetings with it. */
#include "channel.h"
#include "files.h"
#include "parent.h"
#include "process.h"
#include "scheduling.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void number_text(char *to, size_t room, int number)
{
	to[0] = 0;
	text_append_number(to, room, (uint64_t)number);
}

static int start_init(struct run *run, uint64_t flags, int cgroup, int socket)
{
	char socket_text[16], plan_text[16];
	number_text(socket_text, sizeof socket_text, socket);
	number_text(plan_text, sizeof plan_text, run->plan_fd);
	char *argv[] = { "firkin-init", socket_text, plan_text, 0 };
	char *envp[] = { 0 };
	struct process process = {
		.program_fd = run->init, .argv = argv, .envp = envp, .flags = flags, .cgroup = cgroup,
		.streams = { run->streams[0], run->streams[1], run->streams[2] }, .keep = { socket, run->plan_fd },
		.first_closed = 3 + run->plan.header->preserve_fds,
	};
	int r = process_start(&process);
	if (r < 0)
		return r;
	run->pid = process.pid;
	run->pidfd = process.pidfd;
	return 0;
}

static uint32_t count_clones(const struct plan *plan)
{
	const struct plan_op *ops = plan_ops(plan, PLAN_CHILD);
	uint32_t count = plan->header->sections[PLAN_CHILD].count, clones = 0;
	for (uint32_t i = 0; i < count; i++)
		clones += ops[i].code == OP_CLONE;
	return clones;
}

int op_clone_init(struct run *run, const struct plan_op *op)
{
	int pair[2];
	if (run->sync >= 0)
		return -EALREADY;
	run->clones = count_clones(&run->plan);
	int r = (int)sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	if (r < 0)
		return r;
	int cgroup = op->arg[1] == PLAN_NO_SLOT ? -1 : run_slot(run, op->arg[1]);
	run->sync = pair[0];
	r = start_init(run, op->arg[0], cgroup, pair[1]);
	sys_close(pair[1]);
	int restored = affinity_restore(run);
	return r < 0 ? r : restored;
}

int op_send(struct run *run, const struct plan_op *op)
{
	uint64_t first = op->arg[0], count = op->arg[1];
	uint32_t slots = run->plan.header->slots;
	if (first > slots || count > slots - first)
		return -EINVAL;
	while (count) {
		unsigned n = count < CHANNEL_MAX_FDS ? (unsigned)count : CHANNEL_MAX_FDS;
		struct plan_record record = { .type = PLAN_SLOTS, .value = n };
		int r = channel_send(run->sync, &record, &run->slots[first], n);
		if (r < 0)
			return r;
		first += n;
		count -= n;
	}
	return 0;
}

static void move_descriptor(int *to, int *from)
{
	if (*to >= 0)
		sys_close(*to);
	*to = *from;
	*from = -1;
}

/* The first process has made the container's; it exits, and is reaped here. */
static int take_clone(struct run *run, const struct plan_record *record, int *pidfd)
{
	if (*pidfd < 0)
		return -EBADMSG;
	int status = process_wait(run->pidfd, -1);
	run->clones -= run->clones > 0;
	run->pid = (int)record->value;
	move_descriptor(&run->pidfd, pidfd);
	return status < 0 ? status : 0;
}

static int bury(int pidfd)
{
	int status = process_wait(pidfd, -1);
	return status < 0 ? status : 0;
}

static int take_failure(struct run *run, const struct plan_record *record)
{
	run->child = *record;
	run->child.detail[PLAN_DETAIL - 1] = 0;
	run->child_failed = 1;
	return record->error > 0 ? -record->error : -EPROTO;
}

/* The end of the file without a word: what ended the child is in its status. */
static int child_gone(struct run *run)
{
	int status = process_wait(run->pidfd, -1);
	if (status < 0)
		return status;
	run_detail(run, status < 256 ? "firkin-init exited with status " : "firkin-init was ended by signal ");
	text_append_number(run->detail, sizeof run->detail, (uint64_t)(status & 255));
	return -ECHILD;
}

/* 0; `fd` is -1 if it was taken, too. */
static int take_record(struct run *run, const struct plan_record *record, int *fd)
{
	switch (record->type) {
	case PLAN_FAILED:
		return take_failure(run, record);
	case PLAN_CLONED:
		return take_clone(run, record, fd);
	case PLAN_STILLBORN:
		return bury(*fd);
	case PLAN_NETWORK:
		move_descriptor(&run->network, fd);
		return 0;
	case PLAN_TERMINAL:
		move_descriptor(&run->terminal, fd);
		return 0;
	default:
		return -EPROTO;
	}
}

/*
 * Handles records until one that arrives at `point` (0), or the end of the file (-EPIPE). The process that
 * a clone made may be faster than the one that tells of it: both records are waited for.
 */
static int next_arrival(struct run *run, uint64_t point)
{
	int arrived = 0, failure = 0;
	for (;;) {
		struct plan_record record;
		int fd = -1;
		int r = channel_receive(run->sync, &record, &fd, 1);
		if (r < 0)
			return failure ? failure : r;
		int here = record.type == PLAN_ARRIVED && record.value == point;
		r = here ? 0 : take_record(run, &record, &fd);
		if (fd >= 0)
			sys_close(fd);
		if (r < 0 && !run->child_failed)
			return r;
		arrived |= here;
		failure = r < 0 ? r : failure;
		if ((arrived || failure) && !run->clones)
			return failure;
	}
}

int op_await(struct run *run, const struct plan_op *op)
{
	int r = next_arrival(run, op->arg[0]);
	return r == -EPIPE || r == -ECONNRESET ? child_gone(run) : r;
}

int op_release(struct run *run, const struct plan_op *op)
{
	struct plan_record record = { .type = PLAN_RELEASED, .value = (uint32_t)op->arg[0], .op = (uint32_t)run->pid };
	return channel_send(run->sync, &record, 0, 0);
}

/* The child's end of the socket closes when the workload is executed, or when the child dies. */
int op_await_exec(struct run *run, const struct plan_op *op)
{
	(void)op;
	int r = next_arrival(run, 0);
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int op_kill_child(struct run *run, const struct plan_op *op)
{
	(void)op;
	if (run->pidfd < 0)
		return 0;
	sys_pidfd_send_signal(run->pidfd, SIGKILL, 0, 0);
	int r = process_wait(run->pidfd, -1);
	if (r < 0 && r != -ECHILD)
		return r;
	sys_close(run->pidfd);
	run->pidfd = -1;
	run->pid = 0;
	return 0;
}

/* What it held, a place among the processes of its cgroup too, is free when this returns. */
int op_end_process(struct run *run, const struct plan_op *op)
{
	int process = run_slot(run, op->arg[0]);
	long r = sys_pidfd_send_signal(process, SIGKILL, 0, 0);
	if (r < 0 && r != -ESRCH)
		return (int)r;
	int status = process_wait(process, -1);
	return status < 0 && status != -ECHILD ? status : 0;
}

int op_write_child(struct run *run, const struct plan_op *op)
{
	struct plan_bytes value = plan_bytes(&run->plan, op->arg[1]);
	return file_write_once(process_open(run->pid, run_text(run, op->arg[0]), O_WRONLY), value.data, value.size);
}

int op_limit_child(struct run *run, const struct plan_op *op)
{
	struct rlimit64 limit = { op->arg[1], op->arg[2] };
	/* 0 would be this process. */
	if (!run->pid)
		return -ESRCH;
	return (int)sys_prlimit64(run->pid, op->arg[0], &limit, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The child's birth, and the meetings with it. */
#include "channel.h"
#include "files.h"
#include "parent.h"
#include "process.h"
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
		.stdin_fd = -1, .output_fd = -1, .keep = { socket, run->plan_fd },
		.first_closed = 3 + run->plan.header->preserve_fds,
	};
	int r = process_start(&process);
	if (r < 0)
		return r;
	run->pid = process.pid;
	run->pidfd = process.pidfd;
	return 0;
}

int op_clone_init(struct run *run, const struct plan_op *op)
{
	int pair[2];
	int r = (int)sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	if (r < 0)
		return r;
	int cgroup = op->arg[1] == PLAN_NO_SLOT ? -1 : run_slot(run, op->arg[1]);
	run->sync = pair[0];
	r = start_init(run, op->arg[0], cgroup, pair[1]);
	sys_close(pair[1]);
	return r;
}

int op_send(struct run *run, const struct plan_op *op)
{
	uint64_t first = op->arg[0], count = op->arg[1];
	while (count) {
		unsigned n = count < CHANNEL_MAX_FDS ? (unsigned)count : CHANNEL_MAX_FDS;
		struct plan_record record = { .type = PLAN_SLOTS, .value = n };
		if (first + n > PLAN_MAX_SLOTS)
			return -EINVAL;
		int r = channel_send(run->sync, &record, &run->slots[first], n);
		if (r < 0)
			return r;
		first += n;
		count -= n;
	}
	return 0;
}

/* The first process has made the container's; it exits, and is reaped here. */
static int take_clone(struct run *run, const struct plan_record *record, int pidfd)
{
	if (pidfd < 0)
		return -EBADMSG;
	int status = process_wait(run->pidfd, -1);
	sys_close(run->pidfd);
	run->pid = (int)record->value;
	run->pidfd = pidfd;
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

/* Handles records until one that arrives at `point` (0), or the end of the file (-EPIPE). */
static int next_arrival(struct run *run, uint64_t point)
{
	for (;;) {
		struct plan_record record;
		int fd = -1;
		int r = channel_receive(run->sync, &record, &fd, 1);
		if (r >= 0 && record.type == PLAN_ARRIVED)
			return record.value == point ? 0 : -EPROTO;
		if (r >= 0 && record.type == PLAN_FAILED)
			r = take_failure(run, &record);
		else if (r >= 0 && record.type == PLAN_CLONED)
			r = take_clone(run, &record, fd);
		else if (r >= 0 && record.type == PLAN_TERMINAL)
			run->terminal = fd;
		else if (r >= 0)
			r = -EPROTO;
		if (r < 0)
			return r;
	}
}

int op_await(struct run *run, const struct plan_op *op)
{
	int r = next_arrival(run, op->arg[0]);
	return r == -EPIPE || r == -ECONNRESET ? child_gone(run) : r;
}

int op_release(struct run *run, const struct plan_op *op)
{
	struct plan_record record = { .type = PLAN_RELEASED, .value = (uint32_t)op->arg[0] };
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
	return r < 0 && r != -ECHILD ? r : 0;
}

int op_write_child(struct run *run, const struct plan_op *op)
{
	struct plan_bytes value = plan_bytes(&run->plan, op->arg[1]);
	return file_write_once(process_open(run->pid, run_text(run, op->arg[0]), O_WRONLY), value.data, value.size);
}

int op_limit_child(struct run *run, const struct plan_op *op)
{
	struct rlimit64 limit = { op->arg[1], op->arg[2] };
	return (int)sys_prlimit64(run->pid, op->arg[0], &limit, 0);
}

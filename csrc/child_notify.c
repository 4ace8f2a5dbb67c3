/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter that asks somebody: its listener is handed to an agent, at the socket that it listens at. From the moment
 * when the filter is there, any system call of this process may be one that waits for the agent, so a helper that was
 * born before, and shares memory and descriptors, sends it.
 */
#include "child.h"
#include "message.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include <signal.h>

#define HELPER_STACK 16384
#define PARTS 5 /* the template, cut at two process ids */

struct handover {
	int listener;   /* 0: there is none yet; below it: there will be none */
	int socket;
	int error;
	char pid[16];
	struct iovec parts[PARTS];
	unsigned count;
};

static int add_part(struct handover *handover, const char *data, size_t size)
{
	if (handover->count == PARTS)
		return -E2BIG;
	handover->parts[handover->count++] = (struct iovec){ (void *)(uintptr_t)data, size };
	return 0;
}

static int cut_template(struct handover *handover, struct plan_bytes template)
{
	uint32_t done = 0;
	int r = 0;
	for (uint32_t at = 0; at < template.size && r >= 0; at++) {
		if (template.data[at] != PLAN_HOLE_PID)
			continue;
		r = add_part(handover, template.data + done, at - done);
		if (r >= 0)
			r = add_part(handover, handover->pid, text_length(handover->pid));
		done = at + 1;
	}
	return r < 0 ? r : add_part(handover, template.data + done, template.size - done);
}

/* The filter may forbid the call that would end the wait. */
static int await_listener(struct handover *handover)
{
	const struct __kernel_timespec patience = { .tv_nsec = 100000000 };
	int listener;
	while (!(listener = __atomic_load_n(&handover->listener, __ATOMIC_ACQUIRE)))
		sys_futex(&handover->listener, FUTEX_WAIT, 0, &patience);
	return listener;
}

__attribute__((noreturn)) static void helper_main(void *argument)
{
	struct handover *handover = argument;
	int listener = await_listener(handover);
	if (listener > 0) {
		struct message_fds sent = { &listener, 1 };
		handover->error = message_send(handover->socket, handover->parts, handover->count, &sent, 0);
		sys_close(listener);
	}
	sys_close(handover->socket);
	for (;;)
		sys_exit_group(0);
}

static long start_helper(struct handover *handover, int *pidfd)
{
	static char stack[HELPER_STACK] __attribute__((aligned(16)));
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_FILES | CLONE_PIDFD,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	return sys_clone3_call(&args, sizeof args, helper_main, handover);
}

static long load(struct plan_bytes program, uint64_t flags)
{
	struct sock_fprog filter = { .len = (unsigned short)(program.size / sizeof(struct sock_filter)),
				     .filter = (struct sock_filter *)(uintptr_t)program.data };
	if (program.size > 4096 * sizeof(struct sock_filter) || !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	long listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &filter);
	/* A descriptor 0 could not be told from none, and is the workload's standard input. */
	return listener ? listener : -EBADF;
}

static void tell_helper(struct handover *handover, int listener)
{
	__atomic_store_n(&handover->listener, listener, __ATOMIC_RELEASE);
	sys_futex(&handover->listener, FUTEX_WAKE, 1, 0);
}

int op_seccomp_notify(struct run *run, const struct plan_op *op)
{
	static struct handover handover;
	siginfo_t info = { 0 };
	int pidfd = -1;
	handover = (struct handover){ .socket = run_slot(run, op->arg[2]) };
	text_append_number(handover.pid, sizeof handover.pid, (uint64_t)run->host_pid);
	int r = cut_template(&handover, plan_bytes(&run->plan, op->arg[3]));
	long helper = r < 0 ? r : start_helper(&handover, &pidfd);
	if (helper < 0)
		return (int)helper;
	run->slots[op->arg[2]] = -1; /* the helper's to close */
	long listener = load(plan_bytes(&run->plan, op->arg[0]), op->arg[1]);
	tell_helper(&handover, (int)listener);
	/* What the filter makes of these is no failure of ours. */
	sys_waitid(P_PIDFD, pidfd, &info, WEXITED);
	sys_close(pidfd);
	return listener < 0 ? (int)listener : handover.error;
}

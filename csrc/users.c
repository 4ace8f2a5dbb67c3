/* SPDX-License-Identifier: Apache-2.0 */
#include "users.h"
#include "files.h"
#include "process.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>

#define STACK 8192

/*
 * Lives in the namespace while its maps are written: in its parent's memory, with all signals blocked, until it is
 * killed, at the latest when its parent is.
 */
__attribute__((noreturn)) static void child_main(void *argument)
{
	long parent = *(const long *)argument;
	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* It may have died before that; a parent of another pid namespace would be 0. */
	if (sys_getppid() == parent)
		for (;;)
			sys_ppoll(0, 0, 0, 0);
	for (;;)
		sys_exit_group(1);
}

static int write_map(int pid, const char *file, struct plan_bytes map)
{
	return file_write_once(process_open(pid, file, O_WRONLY), map.data, map.size);
}

static int open_mapped(int pid, struct plan_bytes uid_map, struct plan_bytes gid_map)
{
	int r = write_map(pid, "uid_map", uid_map);
	if (r >= 0)
		r = write_map(pid, "gid_map", gid_map);
	return r < 0 ? r : process_open(pid, "ns/user", O_RDONLY);
}

int users_open(struct plan_bytes uid_map, struct plan_bytes gid_map)
{
	char stack[STACK] __attribute__((aligned(16)));
	int pidfd = -1;
	long parent = sys_getpid();
	uint64_t all = ~0ull, before;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_NEWUSER | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	sys_rt_sigprocmask(SIG_SETMASK, &all, &before);
	long pid = sys_clone3_call(&args, sizeof args, child_main, &parent);
	sys_rt_sigprocmask(SIG_SETMASK, &before, 0);
	if (pid < 0)
		return (int)pid;
	int users = open_mapped((int)pid, uid_map, gid_map);
	sys_pidfd_send_signal(pidfd, SIGKILL, 0, 0);
	process_wait(pidfd, -1);
	sys_close(pidfd);
	return users;
}

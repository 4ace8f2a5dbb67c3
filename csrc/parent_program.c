/* SPDX-License-Identifier: Apache-2.0 */
/* Another runtime: its command is run, and the process that it leaves behind becomes the container's. */
#include "files.h"
#include "hook.h"
#include "parent.h"
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/wait.h>
#include <signal.h>

/* Without an output it has the standard streams of this process, and so has what it starts. */
int op_program(struct run *run, const struct plan_op *op)
{
	int output = run_slot(run, op->arg[0]);
	struct process program = {
		.program = run_text(run, op->arg[1]),
		.argv = plan_vector(&run->plan, op->arg[2]),
		.envp = plan_vector(&run->plan, op->arg[3]),
		.cgroup = -1,
		.streams = { -1, output, output },
		.keep = { -1, -1 },
		.first_closed = 3,
	};
	if (output >= 0)
		program.streams[0] = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	if (output >= 0 && program.streams[0] < 0)
		return program.streams[0];
	int r = hook_run_program(&program, (int64_t)op->arg[4], run->detail, sizeof run->detail);
	if (output >= 0)
		sys_close(program.streams[0]);
	return r;
}

static long read_pid(int dir, const char *file)
{
	char text[32];
	long fd = sys_openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	long n = sys_read(fd, text, sizeof text - 1);
	sys_close(fd);
	if (n < 0)
		return n;
	text[n] = 0;
	int64_t pid = text_number(text);
	return pid > 0 && pid <= INT32_MAX ? (long)pid : -EPROTO;
}

/* Also one that has ended already; a number that has gone to somebody else's process is none. */
static long open_child(long pid)
{
	siginfo_t info = { 0 };
	long fd = sys_pidfd_open(pid, 0);
	if (fd < 0)
		return fd == -ESRCH ? -ECHILD : fd;
	long r = sys_waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | WNOWAIT);
	if (r >= 0)
		return fd;
	sys_close(fd);
	return r;
}

/* A runtime need not put the container into this hierarchy where the controllers are in others. */
static int open_cgroup(struct run *run, const struct plan_op *op)
{
	struct open_how how = { .flags = O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	if (op->arg[1] == PLAN_NO_SLOT)
		return 0;
	long fd = sys_openat2(run_slot(run, op->arg[1]), run_text(run, op->arg[2]), &how, sizeof how);
	return fd == -ENOENT ? 0 : run_fill(run, op->arg[0], fd);
}

/*
 * Who asks for the container is a subreaper (prctl(2)), and the runtime has ended: the process whose number it wrote
 * down is a child of this one.
 */
int op_adopt(struct run *run, const struct plan_op *op)
{
	if (run->pidfd >= 0)
		return -EALREADY;
	long pid = read_pid(run_slot(run, op->arg[3]), run_text(run, op->arg[4]));
	long fd = pid < 0 ? pid : open_child(pid);
	if (fd < 0)
		return (int)fd;
	run->pid = (int)pid;
	run->pidfd = (int)fd;
	return open_cgroup(run, op);
}

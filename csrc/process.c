/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>

/* The child runs on a stack of its own inside the frame of its parent, which waits meanwhile. */
#define CHILD_STACK 16384

struct birth {
	struct process *process;
	uint64_t signal_mask;
	int moves; /* into the cgroup by itself */
	int began;
	int error;
};

static int inherit(int fd, int as)
{
	if (fd < 0)
		return 0;
	return (int)(fd == as ? sys_fcntl(fd, F_SETFD, 0) : sys_dup3(fd, as, 0));
}

static int arrange_descriptors(const struct process *process)
{
	long r = sys_close_range(process->first_closed, ~0u, CLOSE_RANGE_CLOEXEC);
	for (unsigned i = 0; i < 2 && r >= 0; i++)
		if (process->keep[i] >= 0)
			r = sys_fcntl(process->keep[i], F_SETFD, 0);
	for (int i = 0; i < 3 && r >= 0; i++)
		r = inherit(process->streams[i], i);
	return (int)r;
}

/*
 * A signal that the caller ignores or blocks is none of the program's business. Nothing of this lies on
 * the child's stack, which sanitizers would see left behind.
 */
static long reset_signals(void)
{
	static const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} standard;
	static const uint64_t none;
	for (int signal = 1; signal <= 64; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			sys_rt_sigaction(signal, &standard, 0);
	return sys_rt_sigprocmask(SIG_SETMASK, &none, 0);
}

long process_enter_cgroup(int directory)
{
	long fd = sys_openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	long n = sys_write((int)fd, "0", 1);
	sys_close((int)fd);
	return n;
}

static long detach(void)
{
	long r = sys_setsid();
	return r < 0 ? r : sys_chdir("/");
}

/* Runs in the child, in its parent's memory: nothing but system calls, no return. */
__attribute__((noreturn)) static void child_main(void *argument)
{
	struct birth *birth = argument;
	struct process *p = birth->process;
	birth->began = 1;
	long r = birth->moves ? process_enter_cgroup(p->cgroup) : 0;
	if (r >= 0)
		r = arrange_descriptors(p);
	if (r >= 0 && p->detached)
		r = detach();
	if (r >= 0)
		r = reset_signals();
	if (r >= 0)
		r = p->program ? sys_execve(p->program, p->argv, p->envp) :
				 sys_execveat(p->program_fd, "", p->argv, p->envp, AT_EMPTY_PATH);
	birth->error = (int)r;
	for (;;)
		sys_exit_group(1);
}

static long give_birth(struct birth *birth)
{
	char stack[CHILD_STACK] __attribute__((aligned(16)));
	struct process *process = birth->process;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | process->flags,
		.pidfd = (uintptr_t)&process->pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	if (process->cgroup >= 0 && !birth->moves) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)process->cgroup;
	}
	/* A handler of the parent must not run in the child, on the parent's memory. */
	uint64_t all = ~0ull;
	sys_rt_sigprocmask(SIG_SETMASK, &all, &birth->signal_mask);
	long pid = sys_clone3_call(&args, sizeof args, child_main, birth);
	sys_rt_sigprocmask(SIG_SETMASK, &birth->signal_mask, 0);
	return pid;
}

static void bury(struct process *process)
{
	process_wait(process->pidfd, -1);
	sys_close(process->pidfd);
}

int process_start(struct process *process)
{
	struct birth birth = { .process = process };
	long pid = give_birth(&birth);
	if (pid > 0 && process->cgroup >= 0 && !birth.began) {
		/*
		 * Killed before its first instruction. Linux (6.18, and since a fix of early 2025) takes it for one that
		 * cgroup.kill has missed where it counts more kills of the one cgroup than of the other, the parent's
		 * and the child's, however long ago they were. What is born in its parent's cgroup can move.
		 */
		bury(process);
		birth.moves = 1;
		pid = give_birth(&birth);
	}
	if (pid < 0)
		return (int)pid;
	process->pid = (int)pid;
	if (birth.error) {
		bury(process);
		return birth.error;
	}
	return 0;
}

static int64_t now_ms(void)
{
	struct __kernel_timespec t = { 0 };
	sys_clock_gettime(1 /* CLOCK_MONOTONIC */, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int poll_until(int fd, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct __kernel_timespec t = { left / 1000, left % 1000 * 1000000 };
		struct pollfd p = { fd, POLLIN, 0 };
		if (deadline && left <= 0)
			return -ETIMEDOUT;
		long r = sys_ppoll(&p, 1, deadline ? &t : 0, 0);
		if (r > 0)
			return 0;
		if (r < 0 && r != -EINTR)
			return (int)r;
	}
}

/* When a wait of `timeout_ms` from now ends; 0: never. */
static int64_t deadline_after(int64_t timeout_ms)
{
	int64_t now = now_ms();
	if (timeout_ms < 0)
		return 0;
	return timeout_ms > INT64_MAX - now ? INT64_MAX : now + timeout_ms;
}

int process_wait(int pidfd, int64_t timeout_ms)
{
	siginfo_t info = { 0 };
	/* ppoll(2) would skip it, and wait. */
	long r = pidfd < 0 ? -EBADF : poll_until(pidfd, deadline_after(timeout_ms));
	if (r < 0)
		return (int)r;
	do
		r = sys_waitid(P_PIDFD, pidfd, &info, WEXITED);
	while (r == -EINTR);
	if (r < 0)
		return (int)r;
	return info.si_code == CLD_EXITED ? info.si_status : 256 + info.si_status;
}

int process_open(int pid, const char *file, int flags)
{
	char path[64] = "/proc/";
	text_append_number(path, sizeof path, (uint64_t)pid);
	text_append(path, sizeof path, "/");
	text_append(path, sizeof path, file);
	if (!text_fits(path, sizeof path))
		return -ENAMETOOLONG;
	return (int)sys_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
}

int64_t process_start_time(int pid)
{
	char stat[1024];
	int fd = process_open(pid, "stat", O_RDONLY);
	if (fd < 0)
		return fd;
	long n = sys_read(fd, stat, sizeof stat - 1);
	sys_close(fd);
	if (n <= 0)
		return n ? n : -ESRCH;
	stat[n] = 0;
	/* The second field, the program's name in brackets, may hold anything: count from its end. */
	while (n > 0 && stat[n - 1] != ')')
		n--;
	int field = 2;
	for (const char *s = stat + n; *s; s++)
		if (*s == ' ' && ++field == 22)
			return text_number(s + 1);
	return -ESRCH;
}

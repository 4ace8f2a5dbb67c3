/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a pid namespace that several containers share: it reaps, and ends them all when it ends. */
#include "child.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/wait.h>
#include <signal.h>
#include <sys/prctl.h>

static void reap_all(void)
{
	for (;;) {
		siginfo_t info = { 0 };
		long r = sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
		if (r < 0 || !info.si_pid)
			return;
	}
}

/*
 * The kernel gives the sender's process id as the receiver's namespace sees it, 0 for one outside. Who sends with a
 * siginfo of its own making can write any number into it, but not this code: sigqueue(3) is not kill(2).
 */
static int is_from_outside(const siginfo_t *info)
{
	return info->si_code == SI_USER && !info->si_pid;
}

/* What is not waited for stays blocked, so nothing of a container ends this process, and nothing interrupts it. */
int op_reap(struct run *run, const struct plan_op *op)
{
	uint64_t all = ~0ull, waited = 1ull << (SIGCHLD - 1) | 1ull << (SIGTERM - 1) | 1ull << (SIGINT - 1);
	(void)op;
	sys_rt_sigprocmask(SIG_SETMASK, &all, 0);
	/* The parent sees the end of the socket, as it does when a program is executed. */
	long r = sys_close_range(0, ~0u, 0);
	if (r < 0)
		return (int)r;
	/* Executed from a descriptor, it is called after that. */
	sys_prctl(PR_SET_NAME, "firkin-init", 0, 0, 0);
	sys_munmap(run->plan.base, run->plan.header->size);
	for (;;) {
		siginfo_t info = { 0 };
		long signal = sys_rt_sigtimedwait(&waited, &info, 0);
		if (signal == SIGCHLD)
			reap_all();
		else if (signal > 0 && is_from_outside(&info))
			sys_exit_group(0);
	}
}

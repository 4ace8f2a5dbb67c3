/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of process numbers: children that do nothing. */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((noreturn)) static void be_child(pid_t parent, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || write(ready, "", 1) != 1)
		_exit(1);
	load_rest();
}

static int fork_children(char **arguments)
{
	unsigned long count = load_number(arguments[0]), made = 0;
	pid_t self = getpid();
	int ready[2];
	char byte;
	if (pipe(ready))
		return load_failed("make a pipe", errno);
	while (made < count) {
		pid_t child = fork();
		if (child < 0)
			break;
		if (child == 0)
			be_child(self, ready[1]);
		/* Whoever is frozen before it is ready would not die with its parent. */
		if (read(ready[0], &byte, 1) != 1)
			return load_failed("wait for a child", errno);
		made++;
	}
	load_say("forked %lu", made);
	load_rest();
}

const struct load load_fork = {"fork", "COUNT", 1, fork_children};

/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of process numbers: children that do nothing. */
#include "load.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int fork_children(char **arguments)
{
	unsigned long count = load_number(arguments[0]), made = 0;
	pid_t self = getpid();
	while (made < count) {
		pid_t child = fork();
		if (child < 0)
			break;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self)
				_exit(1);
			load_rest();
		}
		made++;
	}
	load_say("forked %lu", made);
	load_rest();
}

const struct load load_fork = {"fork", "COUNT", 1, fork_children};

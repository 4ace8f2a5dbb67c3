/* SPDX-License-Identifier: Apache-2.0 */
#include "netns.h"
#include "syscalls.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <sys/socket.h>

int netns_socket(int netns, int family, int type)
{
	long own = sys_openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	if (own < 0)
		return (int)own;
	long r = sys_setns(netns, CLONE_NEWNET);
	if (r >= 0) {
		r = sys_socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		/* What this thread does next it would do in a container's network. */
		if (sys_setns((int)own, CLONE_NEWNET) < 0)
			abort();
	}
	sys_close((int)own);
	return (int)r;
}

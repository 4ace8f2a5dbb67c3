/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"
#include "child.h"
#include "netlink.h"
#include "syscalls.h"
#include "text.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int op_setns(struct run *run, const struct plan_op *op)
{
	return (int)sys_setns(run_slot(run, op->arg[0]), op->arg[1]);
}

int op_unshare(struct run *run, const struct plan_op *op)
{
	(void)run;
	return (int)sys_unshare(op->arg[0]);
}

int op_hostname(struct run *run, const struct plan_op *op)
{
	const char *name = run_text(run, op->arg[0]);
	return (int)sys_sethostname(name, text_length(name));
}

int op_domainname(struct run *run, const struct plan_op *op)
{
	const char *name = run_text(run, op->arg[0]);
	return (int)sys_setdomainname(name, text_length(name));
}

int op_loopback(struct run *run, const struct plan_op *op)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	(void)run;
	(void)op;
	long fd = sys_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	long r = sys_ioctl(fd, SIOCSIFFLAGS, &request);
	sys_close(fd);
	return (int)r;
}

int op_lend_network(struct run *run, const struct plan_op *op)
{
	const struct plan_record record = { .type = PLAN_NETWORK };
	(void)op;
	int fd = netlink_open();
	if (fd < 0)
		return fd;
	int r = channel_send(run->sync, &record, &fd, 1);
	sys_close(fd);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The console socket of the caller: one message with the terminal's master and its name. */
#include "parent.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

int op_terminal_connect(struct run *run, const struct plan_op *op)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	text_copy(address.sun_path, sizeof address.sun_path, run_text(run, op->arg[1]));
	if (!text_fits(address.sun_path, sizeof address.sun_path))
		return -ENAMETOOLONG;
	long fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : (int)sys_connect(fd, &address, sizeof address);
}

int op_terminal_send(struct run *run, const struct plan_op *op)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	static const char name[] = "/dev/ptmx";
	struct iovec data = { (void *)(uintptr_t)name, sizeof name - 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof control };
	if (run->terminal < 0)
		return -ENOTTY;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)(void *)CMSG_DATA(&control.header) = run->terminal;
	long r = sys_sendmsg(run_slot(run, op->arg[0]), &message, MSG_NOSIGNAL);
	if (r < 0)
		return (int)r;
	sys_close(run->terminal);
	run->terminal = -1;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the caller: one message with a descriptor and its name goes there, or a terminal comes from a runtime. */
#include "message.h"
#include "parent.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int set_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	text_copy(address->sun_path, sizeof address->sun_path, path);
	return text_fits(address->sun_path, sizeof address->sun_path) ? 0 : -ENAMETOOLONG;
}

int op_connect(struct run *run, const struct plan_op *op)
{
	struct sockaddr_un address;
	int r = set_address(&address, run_text(run, op->arg[1]));
	if (r < 0)
		return r;
	long fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : (int)sys_connect(fd, &address, sizeof address);
}

int op_terminal_listen(struct run *run, const struct plan_op *op)
{
	struct sockaddr_un address;
	const char *path = run_text(run, op->arg[1]);
	long r = set_address(&address, path);
	if (r < 0)
		return (int)r;
	long fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = run_fill(run, op->arg[0], fd);
	if (r >= 0) /* before the socket has a name: it never has another mode */
		r = sys_fchmod(fd, 0600);
	if (r < 0)
		return (int)r;
	/* The name may be left of a start that was killed. */
	sys_unlinkat(AT_FDCWD, path, 0);
	r = sys_bind(fd, &address, sizeof address);
	return r < 0 ? (int)r : (int)sys_listen(fd, 1);
}

/* The runtime has ended, so what it had to say is there, or never comes. */
int op_terminal_accept(struct run *run, const struct plan_op *op)
{
	char name[64];
	int terminal;
	const struct iovec part = { name, sizeof name };
	struct message_fds received = { &terminal, 1 };
	long fd = sys_accept4(run_slot(run, op->arg[0]), 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sys_unlinkat(AT_FDCWD, run_text(run, op->arg[1]), 0);
	if (fd < 0)
		return fd == -EAGAIN ? -ENOTTY : (int)fd;
	long n = message_receive((int)fd, &part, 1, &received, 0);
	sys_close(fd);
	if (n < 0 || !received.count)
		return n < 0 ? (int)n : -ENOTTY;
	if (run->terminal >= 0)
		sys_close(run->terminal);
	run->terminal = terminal;
	return 0;
}

/* One descriptor, beside its name, to whoever listens at a socket. */
static int send_descriptor(int socket, int fd, const char *name)
{
	struct iovec data = { (void *)(uintptr_t)name, text_length(name) };
	struct message_fds sent = { &fd, 1 };
	return message_send(socket, &data, 1, &sent, 0);
}

int op_terminal_send(struct run *run, const struct plan_op *op)
{
	if (run->terminal < 0)
		return -ENOTTY;
	int r = send_descriptor(run_slot(run, op->arg[0]), run->terminal, "/dev/ptmx");
	if (r < 0)
		return r;
	sys_close(run->terminal);
	run->terminal = -1;
	return 0;
}

int op_send_pidfd(struct run *run, const struct plan_op *op)
{
	return run->pidfd < 0 ? -ESRCH : send_descriptor(run_slot(run, op->arg[0]), run->pidfd, "pidfd");
}

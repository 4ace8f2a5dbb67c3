/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of a monitor: it may have threads, and much memory. */
#include "message.h"
#include "monitor.h"
#include "process.h"
#include "spawn.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define BACKLOG 64
#define TYPE (SOCK_SEQPACKET | SOCK_CLOEXEC)

/* Through the descriptor, a directory of any path has a name short enough for an address. */
static void set_address(struct sockaddr_un *address, int directory)
{
	size_t room = sizeof address->sun_path;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	text_copy(address->sun_path, room, "/proc/self/fd/");
	text_append_number(address->sun_path, room, (uint64_t)directory);
	text_append(address->sun_path, room, "/" MONITOR_SOCKET);
}

/* Whether somebody listens there, who may have more to do at the moment than to accept. */
static int is_answered(const struct sockaddr_un *address)
{
	long fd = sys_socket(AF_UNIX, TYPE | SOCK_NONBLOCK, 0);
	long r = fd < 0 ? fd : sys_connect(fd, address, sizeof *address);
	if (fd >= 0)
		sys_close(fd);
	return r >= 0 || r == -EAGAIN;
}

/* The name may be left of a monitor that is gone. */
static long bind_in(long fd, int directory)
{
	struct sockaddr_un address;
	set_address(&address, directory);
	long r = sys_bind(fd, &address, sizeof address);
	if (r != -EADDRINUSE)
		return r;
	if (is_answered(&address))
		return -EBUSY;
	sys_unlinkat(directory, MONITOR_SOCKET, 0);
	return sys_bind(fd, &address, sizeof address);
}

static int listen_in(int directory)
{
	long fd = sys_socket(AF_UNIX, TYPE | SOCK_NONBLOCK, 0), r = fd;
	if (r >= 0) /* before the socket has a name: it never has another mode */
		r = sys_fchmod(fd, 0600);
	if (r >= 0)
		r = bind_in(fd, directory);
	if (r >= 0)
		r = sys_listen(fd, BACKLOG);
	if (r < 0 && fd >= 0)
		sys_close(fd);
	return r < 0 ? (int)r : (int)fd;
}

static int start_process(struct monitor_request *request, int socket)
{
	char *argv[] = { "firkin-monitor", 0 }, *envp[] = { 0 };
	long null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	if (null < 0)
		return (int)null;
	struct process process = {
		.program_fd = -1, .program = request->program, .argv = argv, .envp = envp, .cgroup = request->cgroup,
		.streams = { socket, (int)null, (int)null }, .keep = { -1, -1 }, .first_closed = 3,
	};
	int r = process_start(&process);
	sys_close(null);
	request->pid = process.pid;
	request->pidfd = r < 0 ? -1 : process.pidfd;
	return r;
}

static int send_order(const struct monitor_request *request, int socket, int plan, int listener)
{
	struct monitor_order order = request->order;
	int fds[6] = { plan, request->init, request->directory, listener };
	struct message_fds sent = { fds, 4 };
	const struct iovec part = { &order, sizeof order };
	if (request->log_directory >= 0) {
		order.flags |= MONITOR_HAS_LOG;
		fds[sent.count++] = request->log_directory;
	}
	if (request->nursery >= 0) {
		order.flags |= MONITOR_HAS_NURSERY;
		fds[sent.count++] = request->nursery;
	}
	return message_send(socket, &part, 1, &sent, 0);
}

static int start_and_order(struct monitor_request *request, int plan, int listener)
{
	int pair[2];
	int r = (int)sys_socketpair(AF_UNIX, TYPE, 0, pair);
	if (r < 0)
		return r;
	r = start_process(request, pair[1]);
	sys_close(pair[1]);
	if (r >= 0)
		r = send_order(request, pair[0], plan, listener);
	if (r >= 0) {
		request->socket = pair[0];
		return 0;
	}
	/* Without an order it exits by itself. */
	sys_close(pair[0]);
	if (request->pidfd >= 0) {
		process_wait(request->pidfd, -1);
		sys_close(request->pidfd);
	}
	return r;
}

int monitor_start(struct monitor_request *request)
{
	int plan = spawn_seal_plan(request->plan, request->plan_size);
	if (plan < 0)
		return plan;
	int listener = listen_in(request->directory);
	int r = listener < 0 ? listener : start_and_order(request, plan, listener);
	sys_close(plan);
	if (listener < 0)
		return r;
	sys_close(listener);
	if (r < 0)
		sys_unlinkat(request->directory, MONITOR_SOCKET, 0);
	return r;
}

int monitor_receive_answer(int socket, struct monitor_answer *answer, int *pidfd, int *output)
{
	int fds[2] = { -1, -1 };
	struct message_fds received = { fds, 2 };
	const struct iovec part = { answer, sizeof *answer };
	long n = message_receive(socket, &part, 1, &received, 0);
	if (n < 0)
		return n == -ECONNRESET ? -EPIPE : (int)n;
	int has_pidfd = n == sizeof *answer && answer->pid > 0;
	*pidfd = has_pidfd ? fds[0] : -1;
	*output = n == sizeof *answer && answer->has_output ? fds[has_pidfd] : -1;
	return n == sizeof *answer ? 0 : -EBADMSG;
}

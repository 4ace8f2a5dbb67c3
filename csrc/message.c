/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"
#include "syscalls.h"

#include <errno.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * MESSAGE_MAX_FDS)];
};

static void put_fds(struct msghdr *message, union control *control, const struct message_fds *fds)
{
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(int) * fds->count);
	control->header.cmsg_level = SOL_SOCKET;
	control->header.cmsg_type = SCM_RIGHTS;
	control->header.cmsg_len = CMSG_LEN(sizeof(int) * fds->count);
	int *to = (int *)(void *)CMSG_DATA(&control->header);
	for (unsigned i = 0; i < fds->count; i++)
		to[i] = fds->fds[i];
}

int message_send(int socket, const struct iovec *parts, size_t count, const struct message_fds *fds, int flags)
{
	union control control = { 0 };
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count };
	if (fds && fds->count > MESSAGE_MAX_FDS)
		return -EINVAL;
	if (fds && fds->count)
		put_fds(&message, &control, fds);
	long n;
	do
		n = sys_sendmsg(socket, &message, MSG_NOSIGNAL | flags);
	while (n == -EINTR);
	return n < 0 ? (int)n : 0;
}

static unsigned take_fds(const struct msghdr *message, int *fds, unsigned room)
{
	const struct cmsghdr *header = message->msg_control;
	if (message->msg_controllen < sizeof *header || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return 0;
	unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	const int *from = (const int *)(const void *)CMSG_DATA(header);
	for (unsigned i = 0; i < count; i++) {
		if (i < room)
			fds[i] = from[i];
		else
			sys_close(from[i]);
	}
	return count < room ? count : room;
}

long message_receive(int socket, const struct iovec *parts, size_t count, struct message_fds *fds, int flags)
{
	union control control = { 0 };
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count,
				  .msg_control = &control, .msg_controllen = sizeof control };
	struct message_fds none = { 0 };
	long n;
	do
		n = sys_recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
	while (n == -EINTR);
	if (n < 0)
		return n;
	fds = fds ? fds : &none;
	fds->count = take_fds(&message, fds->fds, fds->count);
	if (n && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	for (unsigned i = 0; i < fds->count; i++)
		sys_close(fds->fds[i]);
	fds->count = 0;
	return n ? -EBADMSG : -EPIPE;
}

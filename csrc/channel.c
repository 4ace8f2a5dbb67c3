/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"
#include "syscalls.h"

#include <errno.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * CHANNEL_MAX_FDS)];
};

int channel_send(int socket, const struct plan_record *record, const int *fds, unsigned count)
{
	union control control = { 0 };
	struct iovec data = { (void *)(uintptr_t)record, sizeof *record };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	if (count > CHANNEL_MAX_FDS)
		return -EINVAL;
	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
		int *to = (int *)(void *)CMSG_DATA(&control.header);
		for (unsigned i = 0; i < count; i++)
			to[i] = fds[i];
	}
	long n;
	do
		n = sys_sendmsg(socket, &message, MSG_NOSIGNAL);
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

int channel_receive(int socket, struct plan_record *record, int *fds, unsigned room)
{
	union control control = { 0 };
	struct iovec data = { record, sizeof *record };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof control };
	long n;
	do
		n = sys_recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	unsigned count = take_fds(&message, fds, room);
	if (n == sizeof *record && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return (int)count;
	for (unsigned i = 0; i < count; i++)
		sys_close(fds[i]);
	return n ? -EBADMSG : -EPIPE;
}

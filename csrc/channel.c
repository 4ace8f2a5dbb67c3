/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"
#include "syscalls.h"

#include <errno.h>

int channel_send(int socket, const struct plan_record *record, const int *fds, unsigned count)
{
	struct iovec data = { (void *)(uintptr_t)record, sizeof *record };
	struct message_fds sent = { (int *)(uintptr_t)fds, count };
	return message_send(socket, &data, 1, &sent, 0);
}

int channel_receive(int socket, struct plan_record *record, int *fds, unsigned room)
{
	struct iovec data = { record, sizeof *record };
	struct message_fds received = { fds, room };
	long n = message_receive(socket, &data, 1, &received, 0);
	if (n < 0)
		return (int)n;
	if (n == sizeof *record)
		return (int)received.count;
	for (unsigned i = 0; i < received.count; i++)
		sys_close(fds[i]);
	return -EBADMSG;
}

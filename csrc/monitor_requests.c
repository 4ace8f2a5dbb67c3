/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask for. */
#include "message.h"
#include "monitor_state.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/time_types.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static unsigned count_attached(const struct monitor *m)
{
	unsigned count = 0;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		count += m->clients[i].fd >= 0 && m->clients[i].streams;
	return count;
}

/* What a container that reads nothing was sent by who has left long ago must not keep everybody else out. */
static void drop_who_left(struct monitor *m)
{
	struct __kernel_timespec now = { 0 };
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++) {
		struct pollfd left = { m->clients[i].fd, 0, 0 };
		if (m->clients[i].is_waiting && sys_ppoll(&left, 1, &now, 0) > 0)
			client_close(m, &m->clients[i]);
	}
}

static void attach(struct monitor *m, struct client *client, uint32_t streams)
{
	if (!client->streams && count_attached(m) >= MONITOR_MOST_ATTACHED)
		drop_who_left(m);
	uint32_t gone = m->input.fd < 0 || m->input.ends ? MONITOR_STDIN : 0;
	if (!client->streams && count_attached(m) >= MONITOR_MOST_ATTACHED) {
		client_answer(m, client, MONITOR_DONE, EBUSY, 0);
		return;
	}
	client->streams = streams & (MONITOR_TO_STDIN | MONITOR_FROM_STDOUT | MONITOR_FROM_STDERR);
	/* What is on its way to others was read before. */
	client->sent = m->chunk.size;
	client_answer(m, client, MONITOR_ATTACHED, m->order.flags & (MONITOR_TERMINAL | MONITOR_STDIN) & ~gone, 0);
}

static int resize(const struct monitor *m, uint32_t size)
{
	struct winsize wanted = { .ws_row = (unsigned short)(size >> 16), .ws_col = (unsigned short)size };
	if (!m->input.is_terminal)
		return -ENOTTY;
	return (int)sys_ioctl(m->streams[LOG_STDOUT].fd, TIOCSWINSZ, &wanted);
}

static int reopen_log(struct monitor *m)
{
	/* Who rotates the logs of a container that has ended must not find a new one. */
	return m->phase == PHASE_RUNS ? log_open(&m->log) : -ESRCH;
}

static void obey(struct monitor *m, struct client *client, const struct monitor_head *head)
{
	switch (head->type) {
	case MONITOR_ATTACH:
		attach(m, client, head->value);
		break;
	case MONITOR_CLOSE_STDIN:
		input_end(m);
		break;
	case MONITOR_RESIZE:
		client_answer(m, client, MONITOR_DONE, (uint32_t)-resize(m, head->value), 0);
		break;
	case MONITOR_REOPEN_LOG:
		client_answer(m, client, MONITOR_DONE, (uint32_t)-reopen_log(m), 0);
		break;
	case MONITOR_STATUS:
		client_answer(m, client, MONITOR_STATUS, 0, 1);
		break;
	default:
		client_close(m, client);
	}
}

/* The client's queue is as it was, or has one message less; what came after the head of a message is in `input`. */
static void take_input(struct monitor *m, struct client *client)
{
	struct input *input = &m->input;
	const struct iovec part = { &input->message, sizeof input->message };
	if (input->size) {
		client->is_waiting = 1;
		return;
	}
	long n = message_receive(client->fd, &part, 1, 0, MSG_DONTWAIT);
	if (n < (long)sizeof input->message.head) {
		client_close(m, client);
		return;
	}
	/* Of who is not attached to it, it is none. */
	if (!(client->streams & MONITOR_TO_STDIN) || input->fd < 0 || input->ends)
		return;
	input->at = 0;
	input->size = (uint32_t)n - (uint32_t)sizeof input->message.head;
	input_write(m);
}

void client_read(struct monitor *m, struct client *client)
{
	struct monitor_head head;
	const struct iovec part = { &head, sizeof head };
	/* MSG_TRUNC is no error of a look. */
	struct msghdr look = { .msg_iov = (struct iovec *)(uintptr_t)&part, .msg_iovlen = 1 };
	long n = sys_recvmsg(client->fd, &look, MSG_PEEK | MSG_DONTWAIT);
	/* One that is closed with something unread by the other side is told once, and read from after that. */
	if (n == -EAGAIN || n == -EINTR || n == -ECONNRESET)
		return;
	if (n == sizeof head && head.type == MONITOR_STDIN_DATA) {
		take_input(m, client);
		return;
	}
	if (n == sizeof head)
		n = message_receive(client->fd, &part, 1, 0, MSG_DONTWAIT);
	if (n == sizeof head)
		obey(m, client, &head);
	else
		client_close(m, client);
}

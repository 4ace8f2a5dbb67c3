/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected: what they are sent, and what becomes of those that do not take it. */
#include "message.h"
#include "monitor_state.h"
#include "syscalls.h"

#include <errno.h>
#include <sys/socket.h>

#define ACCEPT_PAUSE_MS 500

static const struct client nobody = { .fd = -1 };

static struct client *find_place(struct monitor *m)
{
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd < 0)
			return &m->clients[i];
	return 0;
}

/* Root and this process's own user; the directory's mode keeps others out too. */
static int may_connect(int fd)
{
	struct ucred peer = { 0 };
	uint32_t size = sizeof peer;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return !peer.uid || peer.uid == (uint32_t)sys_geteuid();
}

void clients_accept(struct monitor *m)
{
	long fd = sys_accept4(m->listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = find_place(m);
	/* What keeps the kernel from giving a descriptor will not be over at once. */
	m->accepts_after = fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ? time_monotonic_ms() + ACCEPT_PAUSE_MS : 0;
	if (fd < 0)
		return;
	if (!client || !may_connect((int)fd)) {
		sys_close(fd);
		return;
	}
	*client = nobody;
	client->fd = (int)fd;
}

void client_close(struct monitor *m, struct client *client)
{
	int had_input = client->streams & MONITOR_TO_STDIN;
	sys_close(client->fd);
	*client = nobody;
	if (had_input && m->order.flags & MONITOR_STDIN_ONCE)
		input_end(m);
}

static int has_chunk_left(const struct monitor *m, const struct client *client)
{
	return client->streams & m->chunk.stream && client->sent < m->chunk.size;
}

static int send_answer(struct client *client)
{
	const struct iovec parts[] = { { &client->head, sizeof client->head }, { &client->answer, client->owed } };
	int r = message_send(client->fd, parts, 2, 0, MSG_DONTWAIT);
	if (!r)
		client->head.type = 0;
	return r;
}

static int send_packet(const struct monitor *m, struct client *client)
{
	uint32_t left = m->chunk.size - client->sent, size = left < MONITOR_PACKET ? left : MONITOR_PACKET;
	struct monitor_head head = {
		.type = m->chunk.stream == MONITOR_FROM_STDOUT ? MONITOR_STDOUT_DATA : MONITOR_STDERR_DATA,
	};
	const struct iovec parts[] = { { &head, sizeof head },
				       { (void *)(uintptr_t)(m->chunk.data + client->sent), size } };
	int r = message_send(client->fd, parts, 2, 0, MSG_DONTWAIT);
	if (!r)
		client->sent += size;
	return r;
}

/* Who can not be sent to any more may still have sent something. */
static void stop_sending(struct client *client)
{
	client->streams &= MONITOR_TO_STDIN;
	client->head.type = 0;
	client->deadline = 0;
}

static void flush(struct monitor *m, struct client *client)
{
	int r = 0;
	while (!r && (client->head.type || has_chunk_left(m, client))) {
		r = client->head.type ? send_answer(client) : send_packet(m, client);
		if (!r)
			client->deadline = 0;
	}
	if (r && r != -EAGAIN) {
		stop_sending(client);
	} else if (r && !client->deadline) {
		client->deadline = time_monotonic_ms() + m->order.stall_ms;
	} else if (r && client->deadline <= time_monotonic_ms()) {
		client_close(m, client);
	}
}

void clients_flush(struct monitor *m)
{
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd >= 0)
			flush(m, &m->clients[i]);
}

void clients_send(struct monitor *m, enum monitor_stream stream, const char *data, uint32_t size)
{
	m->chunk = (struct chunk){ stream, data, size };
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		m->clients[i].sent = 0;
	clients_flush(m);
}

int clients_are_behind(const struct monitor *m)
{
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd >= 0 && has_chunk_left(m, &m->clients[i]))
			return 1;
	return 0;
}

void clients_resume(struct monitor *m)
{
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		m->clients[i].is_waiting = 0;
}

int64_t clients_deadline(const struct monitor *m)
{
	int64_t next = 0;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++) {
		const struct client *client = &m->clients[i];
		if (client->fd >= 0 && client->deadline && (!next || client->deadline < next))
			next = client->deadline;
	}
	return next;
}

void client_answer(struct monitor *m, struct client *client, uint32_t type, uint32_t value, int with_status)
{
	m->status.lost_records = m->log.lost_records;
	m->status.lost_bytes = m->log.lost_bytes;
	m->status.log_error = m->log.error;
	client->head = (struct monitor_head){ type, value };
	client->answer = m->status;
	client->owed = with_status ? sizeof m->status : 0;
	flush(m, client);
}

int clients_tell_end(struct monitor *m)
{
	int all = 1;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++) {
		struct client *client = &m->clients[i];
		if (client->fd >= 0 && !client->head.type && !client->was_told) {
			client->was_told = 1;
			client_answer(m, client, MONITOR_EXITED, 0, 1);
		}
		if (client->fd >= 0 && !client->head.type)
			client_close(m, client);
		all &= client->fd < 0;
	}
	return all;
}

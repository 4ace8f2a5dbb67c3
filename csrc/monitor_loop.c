/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor waits for, and what it does then. */
#include "monitor_state.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/time_types.h>
#include <poll.h>

/* What is waited for; clients begin at WAIT_CLIENTS, in their order. */
enum waited { WAIT_SIGNAL, WAIT_LISTENER, WAIT_STDOUT, WAIT_STDERR, WAIT_INPUT, WAIT_CGROUP, WAIT_CLIENTS };

#define WAIT_COUNT (WAIT_CLIENTS + MONITOR_CLIENTS)

void stream_pump(struct monitor *m, struct stream *stream, int to_its_end)
{
	const char *data;
	long n = stream_read(stream, &data);
	if (n < 0 && !to_its_end)
		return;
	stream_log(stream, &m->log, m->order.max_line, n <= 0);
	if (n <= 0)
		monitor_close(&stream->fd);
	else
		clients_send(m, stream->id == LOG_STDOUT ? MONITOR_FROM_STDOUT : MONITOR_FROM_STDERR, data,
			     (uint32_t)n);
}

static int accepts(const struct monitor *m)
{
	if (m->accepts_after)
		return 0;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		if (m->clients[i].fd < 0)
			return 1;
	return 0;
}

static struct pollfd wait_for_client(const struct client *client)
{
	/* Who hangs up is seen whatever is waited for, so who has to wait is not looked at at all. */
	if (client->is_waiting && !client->deadline)
		return (struct pollfd){ .fd = -1 };
	return (struct pollfd){ client->fd, client->deadline ? POLLOUT : POLLIN, 0 };
}

static void fill(const struct monitor *m, struct pollfd *waits)
{
	int reads = !clients_are_behind(m);
	waits[WAIT_SIGNAL] = (struct pollfd){ m->signals, POLLIN, 0 };
	waits[WAIT_LISTENER] = (struct pollfd){ accepts(m) ? m->listener : -1, POLLIN, 0 };
	for (unsigned i = 0; i < LOG_STREAMS; i++)
		waits[WAIT_STDOUT + i] = (struct pollfd){ reads ? m->streams[i].fd : -1, POLLIN, 0 };
	waits[WAIT_INPUT] = (struct pollfd){ m->input.size ? m->input.fd : -1, POLLOUT, 0 };
	waits[WAIT_CGROUP] = (struct pollfd){ m->phase == PHASE_ENDS ? m->events : -1, POLLPRI, 0 };
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		waits[WAIT_CLIENTS + i] = wait_for_client(&m->clients[i]);
}

/* The earlier of two, 0 is never. */
static int64_t earlier(int64_t a, int64_t b)
{
	return a && (!b || a < b) ? a : b;
}

static int64_t next_deadline(const struct monitor *m)
{
	int64_t next = earlier(clients_deadline(m), m->accepts_after);
	return m->phase == PHASE_ENDS || m->phase == PHASE_TELLS ? earlier(next, m->deadline) : next;
}

static long wait_for_events(const struct monitor *m, struct pollfd *waits)
{
	int64_t deadline = next_deadline(m), left = deadline ? deadline - time_monotonic_ms() : 0;
	left = left < 0 ? 0 : left;
	struct __kernel_timespec timeout = { left / 1000, left % 1000 * 1000000 };
	return sys_ppoll(waits, WAIT_COUNT, deadline ? &timeout : 0, 0);
}

static void serve_clients(struct monitor *m, const struct pollfd *waits)
{
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++) {
		struct client *client = &m->clients[i];
		/* It may have been closed meanwhile, and its place be somebody else's. */
		if (client->fd >= 0 && client->fd == waits[i].fd && waits[i].revents && !client->deadline)
			client_read(m, client);
	}
}

static void serve_events(struct monitor *m, const struct pollfd *waits)
{
	if (waits[WAIT_INPUT].revents)
		input_write(m);
	for (unsigned i = 0; i < LOG_STREAMS; i++)
		if (waits[WAIT_STDOUT + i].revents && m->streams[i].fd >= 0 && !clients_are_behind(m))
			stream_pump(m, &m->streams[i], 0);
	serve_clients(m, &waits[WAIT_CLIENTS]);
	if (waits[WAIT_LISTENER].revents)
		clients_accept(m);
	if (waits[WAIT_SIGNAL].revents)
		end_reap(m);
}

static int has_streams(const struct monitor *m)
{
	return m->streams[LOG_STDOUT].fd >= 0 || m->streams[LOG_STDERR].fd >= 0;
}

static void record_end(struct monitor *m)
{
	log_write(&m->log);
	end_record(m);
	m->phase = PHASE_TELLS;
	m->deadline = time_monotonic_ms() + m->order.stall_ms;
}

static void advance(struct monitor *m)
{
	if (m->phase == PHASE_ENDS && end_is_complete(m))
		m->phase = PHASE_DRAINS;
	if (m->phase == PHASE_DRAINS)
		end_drain(m);
	if (m->phase == PHASE_DRAINS && !has_streams(m) && !clients_are_behind(m))
		record_end(m);
	if (m->phase == PHASE_TELLS && (clients_tell_end(m) || m->deadline <= time_monotonic_ms()))
		m->phase = PHASE_DONE;
}

void monitor_serve(struct monitor *m)
{
	struct pollfd waits[WAIT_COUNT];
	for (;;) {
		clients_flush(m);
		advance(m);
		if (m->phase == PHASE_DONE)
			return;
		if (m->accepts_after <= time_monotonic_ms())
			m->accepts_after = 0;
		fill(m, waits);
		if (wait_for_events(m, waits) > 0)
			serve_events(m, waits);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor has before the plan is run, and what it keeps of it. */
#include "monitor_state.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441 /* Linux 4.13 */
#endif

void monitor_close(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

void monitor_prepare(struct monitor *m)
{
	m->directory = m->listener = m->signals = m->record = m->cgroup = m->events = m->peer = m->null = -1;
	m->log.directory = m->log.fd = m->input.fd = -1;
	m->status.oom_kills = -1;
	for (unsigned i = 0; i < LOG_STREAMS; i++) {
		m->streams[i].fd = -1;
		m->streams[i].id = i;
	}
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		m->clients[i].fd = -1;
}

int monitor_open_record(struct monitor *m)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	m->record = (int)sys_openat(m->directory, MONITOR_RECORD, flags, 0600);
	if (m->record < 0)
		return m->record;
	long r = sys_fallocate(m->record, 0, 0, MONITOR_RECORD_SIZE);
	/* A file system that can not set space apart may still have it at the end. */
	return r == -EOPNOTSUPP ? 0 : (int)r;
}

int monitor_open_log(struct monitor *m)
{
	if (m->log.directory < 0)
		return 0;
	for (unsigned i = 0; i < MONITOR_NAME; i++)
		m->log.name[i] = m->order.log_name[i];
	m->log.notices = m->order.flags & MONITOR_TERMINAL ? LOG_STDOUT : LOG_STDERR;
	return log_open(&m->log);
}

/* The end that stays here does not block; the other one becomes the descriptor `number`, which is inherited. */
static int open_pipe(int number, int *mine)
{
	int ends[2], is_input = number == 0;
	long r = sys_pipe2(ends, O_CLOEXEC);
	if (r < 0)
		return (int)r;
	int theirs = ends[!is_input];
	*mine = ends[is_input];
	r = sys_fcntl(*mine, F_SETFL, (is_input ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
	if (r >= 0)
		r = sys_dup3(theirs, number, 0);
	sys_close(theirs);
	return r < 0 ? (int)r : 0;
}

static int empty_standard_streams(const struct monitor *m)
{
	long r = 0;
	for (int fd = 0; fd < 3 && r >= 0; fd++)
		r = sys_dup3(m->null, fd, 0);
	return r < 0 ? (int)r : 0;
}

int monitor_open_streams(struct monitor *m)
{
	m->null = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	int r = m->null < 0 ? m->null : empty_standard_streams(m);
	if (m->order.flags & MONITOR_TERMINAL)
		return r;
	if (!r && m->order.flags & MONITOR_STDIN)
		r = open_pipe(0, &m->input.fd);
	if (!r)
		r = open_pipe(1, &m->streams[LOG_STDOUT].fd);
	if (!r)
		r = open_pipe(2, &m->streams[LOG_STDERR].fd);
	return r;
}

void monitor_take_streams(struct monitor *m, int terminal)
{
	empty_standard_streams(m);
	monitor_close(&m->null);
	if (!(m->order.flags & MONITOR_TERMINAL))
		monitor_close(&terminal);
	if (terminal < 0)
		return;
	m->streams[LOG_STDOUT].fd = terminal;
	m->input.is_terminal = 1;
	m->input.fd = m->order.flags & MONITOR_STDIN ? terminal : -1;
	m->peer = (int)sys_ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	sys_fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK);
}

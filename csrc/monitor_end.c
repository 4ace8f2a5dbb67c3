/* SPDX-License-Identifier: Apache-2.0 */
/* The container's end: who is reaped, who is killed, what is still read, and what is recorded. */
#include "cgroup_files.h"
#include "monitor_state.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/wait.h>
#include <signal.h>

/* Counted from the birth of the cgroup on, which is that of the container. */
static int64_t count_oom_kills(const struct monitor *m)
{
	char events[512];
	if (m->cgroup < 0 || cgroup_read(m->cgroup, "memory.events", events, sizeof events) < 0)
		return -1;
	return cgroup_value(events, "oom_kill");
}

static void take_end(struct monitor *m, const siginfo_t *info)
{
	struct monitor_status *status = &m->status;
	status->exited_ns = time_now();
	if (info->si_code == CLD_EXITED)
		status->code = info->si_status;
	else
		status->signal = info->si_status;
	/* Before somebody who saw the process end removes the cgroup. */
	status->oom_kills = count_oom_kills(m);
}

/* Processes without a parent come here too, from a pid namespace that the container shares with this process. */
void end_reap(struct monitor *m)
{
	char told[128]; /* struct signalfd_siginfo */
	sys_read(m->signals, told, sizeof told);
	for (;;) {
		siginfo_t info = { 0 };
		long r = sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
		if (r < 0 || !info.si_pid)
			return;
		if (info.si_pid != m->status.pid || m->phase != PHASE_RUNS)
			continue;
		take_end(m, &info);
		end_kill(m);
	}
}

/* The rest of the container; where it has a pid namespace, the kernel has done that. */
void end_kill(struct monitor *m)
{
	m->phase = PHASE_ENDS;
	m->deadline = time_monotonic_ms() + m->order.kill_ms;
	if (m->cgroup < 0 || cgroup_populated(m->cgroup) <= 0)
		return;
	long fd = sys_openat(m->cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC, 0);
	m->events = (int)fd;
	cgroup_kill(m->cgroup);
}

int end_is_complete(struct monitor *m)
{
	char text[256];
	if (m->events < 0 || m->deadline <= time_monotonic_ms())
		return 1;
	sys_lseek(m->events, 0, 0);
	long n = sys_read(m->events, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 || cgroup_value(text, "populated") != 1;
}

void end_drain(struct monitor *m)
{
	/* Then the end of what is in the terminal can be seen. */
	monitor_close(&m->peer);
	for (unsigned i = 0; i < LOG_STREAMS; i++)
		while (m->streams[i].fd >= 0 && !clients_are_behind(m))
			stream_pump(m, &m->streams[i], 1);
}

static void append_field(char *to, size_t room, const char *name, int64_t value)
{
	if (value < 0)
		return;
	text_append(to, room, name);
	text_append(to, room, " ");
	text_append_number(to, room, (uint64_t)value);
	text_append(to, room, "\n");
}

/* The file has had its space from the start: this succeeds where nothing else does. */
int end_record(struct monitor *m)
{
	const struct monitor_status *status = &m->status;
	char text[MONITOR_RECORD_SIZE] = "";
	append_field(text, sizeof text, "pid", status->pid);
	append_field(text, sizeof text, "start_time", status->start_time);
	append_field(text, sizeof text, "started_ns", status->started_ns);
	append_field(text, sizeof text, "exited_ns", status->exited_ns);
	append_field(text, sizeof text, "code", status->code);
	append_field(text, sizeof text, "signal", status->signal);
	append_field(text, sizeof text, "oom_kills", status->oom_kills);
	append_field(text, sizeof text, "lost_records", m->log.lost_records);
	append_field(text, sizeof text, "lost_bytes", m->log.lost_bytes);
	size_t size = text_length(text);
	long n = sys_write(m->record, text, size);
	if (n == (long)size)
		n = sys_ftruncate(m->record, n);
	if (n >= 0)
		n = sys_renameat2(m->directory, MONITOR_RECORD, m->directory, MONITOR_EXIT, 0);
	return (int)n;
}

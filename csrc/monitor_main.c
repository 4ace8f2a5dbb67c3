/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's life: its order, the container's start, the answer, and what comes after that. */
#include "message.h"
#include "monitor_state.h"
#include "process.h"
#include "spawn.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static struct monitor monitor;

/* What is needed for the start alone. */
struct start {
	int caller, plan, init;
	struct spawn_outcome outcome;
	struct monitor_answer answer;
};

/* It has nothing of its caller's but the rights; no signal that the caller gets ends it. */
static int become_independent(struct monitor *m)
{
	uint64_t all = ~0ull, children = 1ull << (SIGCHLD - 1);
	sys_rt_sigprocmask(SIG_SETMASK, &all, 0);
	sys_setsid();
	sys_umask(022);
	sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	m->signals = (int)sys_signalfd4(-1, &children, O_CLOEXEC | O_NONBLOCK);
	return m->signals < 0 ? m->signals : (int)sys_chdir("/");
}

static int is_valid(const struct monitor_order *order)
{
	const uint32_t most = 3600 * 1000;
	return order->max_line && order->max_line <= MONITOR_MAX_LINE && order->stall_ms <= most &&
	       order->kill_ms <= most && !order->log_name[MONITOR_NAME - 1];
}

/* At a number that the plan knows. */
static int put_nursery(int fd)
{
	long r = sys_dup3(fd, MONITOR_NURSERY_FD, O_CLOEXEC);
	sys_close(fd);
	return r < 0 ? (int)r : 0;
}

static int receive_order(struct monitor *m, struct start *start)
{
	int fds[6] = { -1, -1, -1, -1, -1, -1 };
	struct iovec part = { &m->order, sizeof m->order };
	struct message_fds received = { fds, 6 };
	long n = message_receive(start->caller, &part, 1, &received, 0);
	if (n < 0)
		return (int)n;
	unsigned has_log = !!(m->order.flags & MONITOR_HAS_LOG), has_nursery = !!(m->order.flags & MONITOR_HAS_NURSERY);
	start->plan = fds[0];
	start->init = fds[1];
	m->directory = fds[2];
	m->listener = fds[3];
	if (n != sizeof m->order || received.count != 4 + has_log + has_nursery || !is_valid(&m->order))
		return -EINVAL;
	m->log.directory = has_log ? fds[4] : -1;
	return has_nursery ? put_nursery(fds[4 + has_log]) : 0;
}

static int fail_start(struct start *start, uint32_t stage, int error)
{
	start->answer.stage = stage;
	start->answer.error = -error;
	return error;
}

static void copy_outcome(struct start *start)
{
	const struct spawn_outcome *outcome = &start->outcome;
	struct monitor_answer *answer = &start->answer;
	answer->section = outcome->section;
	answer->op = outcome->op;
	answer->undo_error = outcome->undo_error;
	answer->undo_op = outcome->undo_op;
	answer->pid = outcome->pid;
	answer->has_output = outcome->output >= 0;
	text_copy(answer->detail, sizeof answer->detail, outcome->detail);
}

static int run_plan(struct monitor *m, struct start *start)
{
	int r = spawn_sealed_plan(start->plan, start->init, 0, &start->outcome);
	copy_outcome(start);
	/* A plan that starts nothing leaves nothing to attend to. */
	if (r < 0 || !start->outcome.pid)
		return fail_start(start, MONITOR_AT_PLAN, r < 0 ? r : -ESRCH);
	m->cgroup = start->outcome.cgroup;
	m->status.monitor = (int)sys_getpid();
	m->status.pid = start->outcome.pid;
	m->status.start_time = process_start_time(start->outcome.pid);
	m->status.started_ns = time_now();
	start->answer.start_time = m->status.start_time;
	start->answer.started_ns = m->status.started_ns;
	return 0;
}

/* Everything that may fail comes before the plan, but for what the plan makes. */
static int start_container(struct monitor *m, struct start *start)
{
	int r = become_independent(m);
	if (r >= 0)
		r = receive_order(m, start);
	if (r < 0)
		return fail_start(start, MONITOR_AT_ORDER, r);
	r = monitor_open_record(m);
	if (r < 0)
		return fail_start(start, MONITOR_AT_RECORD, r);
	r = monitor_open_log(m);
	if (r < 0)
		return fail_start(start, MONITOR_AT_LOG, r);
	r = monitor_open_streams(m);
	if (r < 0)
		return fail_start(start, MONITOR_AT_STREAMS, r);
	return run_plan(m, start);
}

static void send_answer(struct start *start)
{
	const struct iovec part = { &start->answer, sizeof start->answer };
	int fds[2];
	struct message_fds sent = { fds, 0 };
	if (start->outcome.pidfd >= 0)
		fds[sent.count++] = start->outcome.pidfd;
	if (start->outcome.output >= 0)
		fds[sent.count++] = start->outcome.output;
	/* If nobody is there any more, the container runs all the same. */
	message_send(start->caller, &part, 1, &sent, 0);
}

static void close_start(const struct monitor *m, struct start *start)
{
	if (m->order.flags & MONITOR_HAS_NURSERY)
		sys_close(MONITOR_NURSERY_FD);
	monitor_close(&start->plan);
	monitor_close(&start->init);
	monitor_close(&start->outcome.pidfd);
	monitor_close(&start->outcome.output);
	monitor_close(&start->caller);
}

/* What a container wrote before its start failed belongs into its log too. */
static void give_up(struct monitor *m)
{
	end_drain(m);
	log_write(&m->log);
	if (m->record >= 0)
		sys_unlinkat(m->directory, MONITOR_RECORD, 0);
}

int monitor_run(int caller)
{
	struct monitor *m = &monitor;
	struct start start = { caller, -1, -1, { .pidfd = -1, .terminal = -1, .output = -1 }, { 0 } };
	monitor_prepare(m);
	int r = start_container(m, &start);
	monitor_take_streams(m, start.outcome.terminal);
	if (r < 0)
		give_up(m);
	send_answer(&start);
	close_start(m, &start);
	if (r >= 0)
		monitor_serve(m);
	if (m->listener >= 0)
		sys_unlinkat(m->directory, MONITOR_SOCKET, 0);
	return r < 0;
}

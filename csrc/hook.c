/* SPDX-License-Identifier: Apache-2.0 */
#include "hook.h"
#include "files.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <signal.h>

static void describe_end(int status, char *detail, unsigned room)
{
	text_copy(detail, room, status < 256 ? "exit status " : "ended by signal ");
	text_append_number(detail, room, (uint64_t)(status & 255));
}

static int wait_or_kill(const struct process *process, int64_t timeout_ms)
{
	int status = process_wait(process->pidfd, timeout_ms);
	if (status == -ETIMEDOUT) {
		sys_pidfd_send_signal(process->pidfd, SIGKILL, 0, 0);
		process_wait(process->pidfd, -1);
	}
	return status;
}

int hook_run_program(struct process *program, int64_t timeout_ms, char *detail, unsigned room)
{
	int r = process_start(program);
	if (r < 0)
		return r;
	int status = wait_or_kill(program, timeout_ms);
	sys_close(program->pidfd);
	if (status <= 0)
		return status;
	describe_end(status, detail, room);
	return -ECHILD;
}

int hook_run(const struct hook *hook, char *detail, unsigned room)
{
	/* A file, not a pipe: a hook that does not read its state can't block us. */
	int state = file_from_template("firkin-hook-state", hook->state, hook->pid);
	if (state < 0)
		return state;
	struct process process = { .program = hook->path, .argv = hook->args, .envp = hook->env, .cgroup = -1,
				   .streams = { state, hook->output, hook->output }, .keep = { -1, -1 },
				   .first_closed = 3 };
	int r = hook_run_program(&process, hook->timeout_ms, detail, room);
	sys_close(state);
	return r;
}

int op_hook(struct run *run, const struct plan_op *op)
{
	struct hook hook = {
		.path = run_text(run, op->arg[0]),
		.args = plan_vector(&run->plan, op->arg[1]),
		.env = plan_vector(&run->plan, op->arg[2]),
		.timeout_ms = (int64_t)op->arg[3],
		.state = plan_bytes(&run->plan, op->arg[4]),
		.pid = run->pid ? run->pid : (int)sys_getpid(),
		.output = run_slot(run, op->arg[5]),
	};
	return hook_run(&hook, run->detail, sizeof run->detail);
}

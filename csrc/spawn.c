/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"
#include "files.h"
#include "hook.h"
#include "process.h"
#include "run.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

int spawn_load_init(const char *path)
{
	int from = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (from < 0)
		return from;
	int fd = file_sealed_copy("firkin-init", from);
	sys_close(from);
	return fd;
}

static int seal_plan(const void *plan, size_t size)
{
	long fd = sys_memfd_create("firkin-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return (int)fd;
	long n = sys_write(fd, plan, size);
	int r = n == (long)size ? file_seal((int)fd) : n < 0 ? (int)n : -EIO;
	if (r >= 0)
		return (int)fd;
	sys_close(fd);
	return r;
}

/* A private mapping: vectors are relocated in it. The address or -errno. */
static long map_plan(int fd, size_t size)
{
	return sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
}

static void close_descriptor(int fd)
{
	if (fd >= 0)
		sys_close(fd);
}

/* The undo goes on after an error, and skips what was never done: its slots are empty. */
static void undo(struct run *run, struct spawn_outcome *outcome)
{
	const struct plan_op *ops = plan_ops(&run->plan, PLAN_UNDO);
	uint32_t count = run->plan.header->sections[PLAN_UNDO].count;
	for (uint32_t i = 0; i < count; i++) {
		struct plan_op op = ops[i];
		run_operation *operation = 0;
		for (unsigned n = 0; n < parent_operation_count; n++)
			if (parent_operations[n].code == op.code)
				operation = parent_operations[n].operation;
		int skip = op.code != OP_KILL_CHILD && run_slot(run, op.arg[op.code == OP_CGROUP_REMOVE ? 2 : 0]) < 0;
		int r = skip ? 0 : operation ? operation(run, &op) : -ENOSYS;
		if (r < 0 && !outcome->undo_error) {
			outcome->undo_error = -r;
			outcome->undo_op = i;
		}
	}
}

static void describe_failure(const struct run *run, int error, struct spawn_outcome *outcome)
{
	outcome->error = -error;
	outcome->section = run->child_failed ? PLAN_CHILD : PLAN_PARENT;
	outcome->op = run->child_failed ? run->child.op : run->op;
	text_copy(outcome->detail, sizeof outcome->detail, run->child_failed ? run->child.detail : run->detail);
}

static int keep_output(struct run *run)
{
	const struct plan_op *ops = plan_ops(&run->plan, PLAN_PARENT);
	for (uint32_t i = 0; i < run->plan.header->sections[PLAN_PARENT].count; i++) {
		if (ops[i].code != OP_OPEN_OUTPUT)
			continue;
		int fd = run_slot(run, ops[i].arg[0]);
		run->slots[ops[i].arg[0]] = -1;
		return fd;
	}
	return -1;
}

static int run_parent(struct run *run, struct spawn_outcome *outcome)
{
	int r = run_section(run, PLAN_PARENT, parent_operations, parent_operation_count);
	if (r < 0) {
		describe_failure(run, r, outcome);
		undo(run, outcome);
		close_descriptor(run->pidfd);
		close_descriptor(run->terminal);
		run->pid = 0;
		run->pidfd = run->terminal = -1;
	}
	outcome->pid = run->pid;
	outcome->pidfd = run->pidfd;
	outcome->terminal = run->terminal;
	outcome->output = keep_output(run);
	for (uint32_t i = 0; i < run->plan.header->slots; i++)
		close_descriptor(run->slots[i]);
	close_descriptor(run->sync);
	return r;
}

static int run_mapped(struct run *run, void *mapping, size_t size, struct spawn_outcome *outcome)
{
	int r = plan_check(&run->plan, mapping, size);
	if (r < 0) {
		outcome->error = -r;
		return r;
	}
	return run_parent(run, outcome);
}

int spawn_plan(const void *plan, size_t size, int init, struct spawn_outcome *outcome)
{
	struct run run;
	*outcome = (struct spawn_outcome){ .section = -1, .pidfd = -1, .terminal = -1, .output = -1 };
	run_prepare(&run);
	run.init = init;
	run.plan_fd = seal_plan(plan, size);
	long mapping = run.plan_fd < 0 ? run.plan_fd : map_plan(run.plan_fd, size);
	int r;
	if (mapping < 0 && mapping > -4096) {
		r = (int)mapping;
		outcome->error = -r;
	} else {
		r = run_mapped(&run, (void *)mapping, size, outcome);
		sys_munmap(mapping, size);
	}
	close_descriptor(run.plan_fd);
	return r;
}

int spawn_hook(struct spawn_hook *hook)
{
	struct hook inner = { hook->path, hook->args, hook->env, hook->timeout_ms,
			      { hook->state, hook->state_size }, hook->pid, hook->output };
	hook->detail[0] = 0;
	return hook_run(&inner, hook->detail, sizeof hook->detail);
}

int64_t spawn_start_time(int pid)
{
	return process_start_time(pid);
}

int spawn_wait(int pidfd, int64_t timeout_ms)
{
	return process_wait(pidfd, timeout_ms);
}

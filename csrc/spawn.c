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

int spawn_seal_plan(const void *plan, size_t size)
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

/* The descriptor in a slot, which is the caller's from now on. */
static int take_slot(struct run *run, uint64_t slot)
{
	int fd = run_slot(run, slot);
	if (fd >= 0)
		run->slots[slot] = -1;
	return fd;
}

static int keep_output(struct run *run)
{
	const struct plan_op *ops = plan_ops(&run->plan, PLAN_PARENT);
	for (uint32_t i = 0; i < run->plan.header->sections[PLAN_PARENT].count; i++)
		if (ops[i].code == OP_OPEN_OUTPUT)
			return take_slot(run, ops[i].arg[0]);
	return -1;
}

/* One of the births, the first or the second, is into the cgroup; both sides know it by the same slot. */
static int keep_cgroup(struct run *run)
{
	for (int section = PLAN_PARENT; section <= PLAN_CHILD; section++) {
		const struct plan_op *ops = plan_ops(&run->plan, section);
		for (uint32_t i = 0; i < run->plan.header->sections[section].count; i++)
			if (ops[i].code == OP_CLONE && ops[i].arg[1] != PLAN_NO_SLOT)
				return take_slot(run, ops[i].arg[1]);
			else if (ops[i].code == OP_ADOPT)
				return take_slot(run, ops[i].arg[0]);
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
	} else {
		outcome->cgroup = keep_cgroup(run);
	}
	outcome->pid = run->pid;
	outcome->pidfd = run->pidfd;
	outcome->terminal = run->terminal;
	outcome->output = keep_output(run);
	for (uint32_t i = 0; i < run->plan.header->slots; i++)
		close_descriptor(run->slots[i]);
	close_descriptor(run->sync);
	close_descriptor(run->network);
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

/* The size of a file, or -errno. */
static long size_of(int fd)
{
	return sys_lseek(fd, 0, 2 /* SEEK_END */);
}

/* Nothing has happened yet but the error, 0 or -errno, which it returns. */
static int begin_outcome(struct spawn_outcome *outcome, long error)
{
	*outcome = (struct spawn_outcome){ .error = (int)-error, .section = -1, .pidfd = -1, .terminal = -1,
					   .output = -1, .cgroup = -1 };
	return (int)error;
}

int spawn_sealed_plan(int plan, int init, const int *streams, struct spawn_outcome *outcome)
{
	struct run run;
	run_prepare(&run);
	for (int i = 0; streams && i < 3; i++)
		run.streams[i] = streams[i];
	run.init = init;
	run.plan_fd = plan;
	long size = size_of(plan);
	long mapping = size > 0 ? map_plan(plan, (size_t)size) : size ? size : -EINVAL;
	if (mapping < 0 && mapping > -4096)
		return begin_outcome(outcome, mapping);
	begin_outcome(outcome, 0);
	int r = run_mapped(&run, (void *)mapping, (size_t)size, outcome);
	sys_munmap(mapping, size);
	return r;
}

int spawn_plan(const void *plan, size_t size, int init, const int *streams, struct spawn_outcome *outcome)
{
	int fd = spawn_seal_plan(plan, size);
	if (fd < 0)
		return begin_outcome(outcome, fd);
	int r = spawn_sealed_plan(fd, init, streams, outcome);
	close_descriptor(fd);
	close_descriptor(outcome->cgroup);
	outcome->cgroup = -1;
	return r;
}

int spawn_hook(struct spawn_hook *hook)
{
	struct hook inner = { hook->path, hook->args, hook->env, hook->timeout_ms,
			      { hook->state, hook->state_size }, hook->pid, hook->output };
	hook->detail[0] = 0;
	return hook_run(&inner, hook->detail, sizeof hook->detail);
}

int spawn_program(struct spawn_program *program)
{
	struct process process = {
		.program = program->path, .argv = program->args, .envp = program->env, .cgroup = -1,
		.streams = { program->streams[0], program->streams[1], program->streams[2] },
		.keep = { program->keep[0], program->keep[1] }, .first_closed = 3, .detached = 1,
	};
	int r = process_start(&process);
	if (r < 0)
		return r;
	program->pid = process.pid;
	program->pidfd = process.pidfd;
	return 0;
}

int64_t spawn_start_time(int pid)
{
	return process_start_time(pid);
}

int spawn_wait(int pidfd, int64_t timeout_ms)
{
	return process_wait(pidfd, timeout_ms);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>

void run_prepare(struct run *run)
{
	for (unsigned i = 0; i < PLAN_MAX_SLOTS; i++)
		run->slots[i] = -1;
	run->plan = (struct plan){ 0 };
	run->sync = run->init = run->plan_fd = run->pidfd = run->terminal = run->network = -1;
	run->answer = run->empty_tree = -1;
	run->streams[0] = run->streams[1] = run->streams[2] = -1;
	run->pid = run->child_failed = run->cwd_set = 0;
	run->op = run->clones = run->affinity_size = 0;
	run->host_pid = 0;
	run->detail[0] = 0;
}

static run_operation *find_operation(const struct run_entry *table, unsigned entries, uint32_t code)
{
	for (unsigned i = 0; i < entries; i++)
		if (table[i].code == code)
			return table[i].operation;
	return 0;
}

int run_section(struct run *run, int section, const struct run_entry *table, unsigned entries)
{
	const struct plan_op *ops = plan_ops(&run->plan, section);
	uint32_t count = run->plan.header->sections[section].count;
	for (run->op = 0; run->op < count; run->op++) {
		const struct plan_op *op = &ops[run->op];
		run_operation *operation = find_operation(table, entries, op->code);
		int r = operation ? operation(run, op) : -ENOSYS;
		if (r < 0)
			return r;
	}
	return 0;
}

int run_slot(const struct run *run, uint64_t slot)
{
	return slot < PLAN_MAX_SLOTS ? run->slots[slot] : -1;
}

int run_fill(struct run *run, uint64_t slot, long descriptor)
{
	if (descriptor < 0)
		return (int)descriptor;
	if (run->slots[slot] >= 0)
		sys_close(run->slots[slot]);
	run->slots[slot] = (int)descriptor;
	return 0;
}

const char *run_text(const struct run *run, uint64_t ref)
{
	return plan_text(&run->plan, ref);
}

void run_detail(struct run *run, const char *text)
{
	text_copy(run->detail, sizeof run->detail, text);
}

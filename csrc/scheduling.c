/* SPDX-License-Identifier: Apache-2.0 */
#include "scheduling.h"
#include "syscalls.h"

#include <errno.h>

#define WHO_PROCESS 1 /* IOPRIO_WHO_PROCESS */
#define ATTRIBUTES 48 /* SCHED_ATTR_SIZE_VER0 */

int op_affinity(struct run *run, const struct plan_op *op)
{
	struct plan_bytes processors = plan_bytes(&run->plan, op->arg[0]);
	if (!run->affinity_size) {
		long n = sys_sched_getaffinity(0, sizeof run->affinity, run->affinity);
		if (n < 0)
			return (int)n;
		run->affinity_size = (unsigned)n;
	}
	return (int)sys_sched_setaffinity(0, processors.size, processors.data);
}

int affinity_restore(struct run *run)
{
	unsigned size = run->affinity_size;
	run->affinity_size = 0;
	return size ? (int)sys_sched_setaffinity(0, size, run->affinity) : 0;
}

/* 0 would be this process. */
static int no_child(const struct run *run)
{
	return run->pid ? 0 : -ESRCH;
}

/* A struct sched_attr (sched_setattr(2)), of its first version; the kernel reads as much as it says itself. */
int op_scheduler(struct run *run, const struct plan_op *op)
{
	struct plan_bytes attributes = plan_bytes(&run->plan, op->arg[0]);
	const unsigned char *said = (const void *)attributes.data;
	if (attributes.size != ATTRIBUTES || said[0] != ATTRIBUTES || said[1] || said[2] || said[3])
		return -EINVAL;
	int r = no_child(run);
	return r < 0 ? r : (int)sys_sched_setattr(run->pid, attributes.data, 0);
}

int op_io_priority(struct run *run, const struct plan_op *op)
{
	int r = no_child(run);
	return r < 0 ? r : (int)sys_ioprio_set(WHO_PROCESS, run->pid, op->arg[0]);
}

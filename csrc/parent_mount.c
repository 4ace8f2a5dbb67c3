/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that are not on disk as they are: overlays of directories, parts of them, files with other ids. */
#include "overlay.h"
#include "parent.h"
#include "users.h"

int op_open_users(struct run *run, const struct plan_op *op)
{
	int fd = users_open(plan_bytes(&run->plan, op->arg[1]), plan_bytes(&run->plan, op->arg[2]));
	return run_fill(run, op->arg[0], fd);
}

int op_overlay(struct run *run, const struct plan_op *op)
{
	struct overlay overlay = {
		.lower = plan_vector(&run->plan, op->arg[1]),
		.upper = run_text(run, op->arg[2]),
		.work = run_text(run, op->arg[3]),
		.options = plan_bytes(&run->plan, op->arg[4]),
		.users = op->arg[5] == PLAN_NO_SLOT ? -1 : run_slot(run, op->arg[5]),
	};
	return run_fill(run, op->arg[0], overlay_mount(&overlay, run->detail, sizeof run->detail));
}

int op_subtree(struct run *run, const struct plan_op *op)
{
	return run_fill(run, op->arg[0], overlay_subtree(run_slot(run, op->arg[1]), run_text(run, op->arg[2])));
}

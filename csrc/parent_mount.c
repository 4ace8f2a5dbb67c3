/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that are not on disk as they are: overlays of directories, parts of them, files with other ids. */
#include "overlay.h"
#include "parent.h"
#include "syscalls.h"
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#define DETACH 2   /* MNT_DETACH */
#define NOFOLLOW 8 /* UMOUNT_NOFOLLOW */

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

int op_map_ids(struct run *run, const struct plan_op *op)
{
	return overlay_map_ids(run_slot(run, op->arg[0]), run_slot(run, op->arg[1]), op->arg[2] != 0);
}

/* For a runtime that wants a root file system with a path. */
int op_mount(struct run *run, const struct plan_op *op)
{
	int tree = run_slot(run, op->arg[0]);
	return (int)sys_move_mount(tree, "", AT_FDCWD, run_text(run, op->arg[1]), MOVE_MOUNT_F_EMPTY_PATH);
}

/* Whoever has a copy of the mount in a namespace of its own keeps that. One that never was, or is gone, is no error. */
int op_unmount(struct run *run, const struct plan_op *op)
{
	long r = sys_umount2(run_text(run, op->arg[1]), DETACH | NOFOLLOW);
	return r == -EINVAL || r == -ENOENT ? 0 : (int)r;
}

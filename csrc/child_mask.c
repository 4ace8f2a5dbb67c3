/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that the container must not see or not change. A path that is not there needs neither. */
#include "child.h"
#include "files.h"
#include "resolve.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#define CLONE_FLAGS (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
#define RECURSIVE 0x8000 /* AT_RECURSIVE */
#define EMPTY_BOTH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

static int make_empty_tree(void)
{
	long context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return (int)context;
	long r = sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "555", 0);
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (r >= 0)
		r = sys_fsmount(context, FSMOUNT_CLOEXEC,
				MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys_close(context);
	return (int)r;
}

/* All masked directories share one file system: the first gets its mount, the others copies of it. */
static int mask_directory(struct run *run, int target)
{
	int first = run->empty_tree < 0;
	if (first)
		run->empty_tree = make_empty_tree();
	long mount = first ? run->empty_tree : sys_open_tree(run->empty_tree, "", CLONE_FLAGS);
	if (mount < 0)
		return (int)mount;
	long r = sys_move_mount(mount, "", target, "", EMPTY_BOTH);
	if (!first)
		sys_close(mount);
	return (int)r;
}

static int mask_file(int null, int target)
{
	long mount = sys_open_tree(null, "", CLONE_FLAGS);
	if (mount < 0)
		return (int)mount;
	long r = sys_move_mount(mount, "", target, "", EMPTY_BOTH);
	sys_close(mount);
	return (int)r;
}

static int missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

int op_mask(struct run *run, const struct plan_op *op)
{
	uint32_t mode;
	int target = resolve(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), RESOLVE_EXISTING, 0);
	if (target < 0)
		return missing(target) ? 0 : target;
	int r = file_mode(target, &mode);
	if (r >= 0)
		r = (mode & S_IFMT) == S_IFDIR ? mask_directory(run, target) :
						 mask_file(run_slot(run, op->arg[2]), target);
	sys_close(target);
	return r;
}

int op_readonly(struct run *run, const struct plan_op *op)
{
	int target = resolve(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), RESOLVE_EXISTING, 0);
	if (target < 0)
		return missing(target) ? 0 : target;
	long mount = sys_open_tree(target, "", CLONE_FLAGS | RECURSIVE);
	long r = mount < 0 ? mount : mount_attributes((int)mount, MOUNT_ATTR_RDONLY, 0, 0, 1);
	if (r >= 0)
		r = sys_move_mount(mount, "", target, "", EMPTY_BOTH);
	if (mount >= 0)
		sys_close(mount);
	sys_close(target);
	return (int)r;
}

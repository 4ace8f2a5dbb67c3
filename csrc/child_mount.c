/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts are made detached, given their attributes, and then attached to a resolved descriptor. */
#include "child.h"
#include "files.h"
#include "mount_context.h"
#include "resolve.h"
#include "syscalls.h"
#include "text.h"

#include <asm/statfs.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>

#define RECURSIVE 0x8000 /* AT_RECURSIVE */
#define EMPTY_BOTH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

int mount_attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, uint64_t recursive)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };
	unsigned flags = AT_EMPTY_PATH | (recursive ? RECURSIVE : 0);
	return (int)sys_mount_setattr(fd, "", flags, &attr, sizeof attr);
}

int on_filesystem(int fd, long magic)
{
	struct statfs fs = { 0 };
	long r = sys_fstatfs(fd, &fs);
	return r < 0 ? (int)r : fs.f_type == magic;
}

static int attach(int mount, int target)
{
	return (int)sys_move_mount(mount, "", target, "", EMPTY_BOTH);
}

int op_propagation(struct run *run, const struct plan_op *op)
{
	struct mount_attr attr = { .propagation = op->arg[1] };
	return (int)sys_mount_setattr(AT_FDCWD, run_text(run, op->arg[0]), op->arg[2] ? RECURSIVE : 0, &attr,
				      sizeof attr);
}

int op_root_attach(struct run *run, const struct plan_op *op)
{
	long target = sys_openat(AT_FDCWD, run_text(run, op->arg[1]), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (target < 0)
		return (int)target;
	int r = attach(run_slot(run, op->arg[0]), (int)target);
	sys_close(target);
	return r;
}

int op_mount_new(struct run *run, const struct plan_op *op)
{
	long context = sys_fsopen(run_text(run, op->arg[1]), FSOPEN_CLOEXEC);
	if (context < 0)
		return (int)context;
	long mount = context_set((int)context, plan_bytes(&run->plan, op->arg[2]));
	if (mount >= 0)
		mount = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (mount >= 0)
		mount = sys_fsmount(context, FSMOUNT_CLOEXEC, op->arg[3]);
	if (mount < 0)
		context_message((int)context, run->detail, sizeof run->detail);
	sys_close(context);
	return run_fill(run, op->arg[0], mount);
}

int op_mount_attributes(struct run *run, const struct plan_op *op)
{
	return mount_attributes(run_slot(run, op->arg[0]), op->arg[1], op->arg[2], op->arg[3], op->arg[4]);
}

static int open_target(const struct run *run, const struct plan_op *op, uint32_t mount_mode)
{
	int root = run_slot(run, op->arg[1]);
	const char *path = run_text(run, op->arg[2]);
	if (op->arg[3] & PLAN_ATTACH_NO_FOLLOW) {
		int fd = resolve_no_follow(root, path);
		if (fd != -ENOENT)
			return fd;
	}
	int directory = (mount_mode & S_IFMT) == S_IFDIR;
	return resolve(root, path, directory ? RESOLVE_MAKE_DIRECTORY : RESOLVE_MAKE_FILE, directory ? 0755 : 0644);
}

/* A file system over /proc or inside it could feign what LSMs and masks rely on. */
static int check_target(int mount, uint32_t mount_mode, int target, uint64_t flags)
{
	struct statx s = { 0 };
	long r = sys_statx(target, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	if ((s.stx_mode & S_IFMT) == S_IFLNK && !(flags & PLAN_ATTACH_ON_LINK))
		return -ELOOP;
	if (((s.stx_mode & S_IFMT) == S_IFDIR) != ((mount_mode & S_IFMT) == S_IFDIR))
		return (s.stx_mode & S_IFMT) == S_IFDIR ? -EISDIR : -ENOTDIR;
	int inside = on_filesystem(target, PROC_SUPER_MAGIC);
	int is_proc = on_filesystem(mount, PROC_SUPER_MAGIC);
	if (inside < 0 || is_proc < 0)
		return inside < 0 ? inside : is_proc;
	if (flags & PLAN_ATTACH_PROC_ONLY)
		return is_proc ? 0 : -EPERM;
	return inside && !(flags & PLAN_ATTACH_ON_PROC) ? -EPERM : 0;
}

int op_attach(struct run *run, const struct plan_op *op)
{
	uint32_t mode;
	int mount = run_slot(run, op->arg[0]);
	int r = file_mode(mount, &mode);
	if (r < 0)
		return r;
	int target = open_target(run, op, mode);
	if (target < 0)
		return target;
	r = check_target(mount, mode, target, op->arg[3]);
	if (r >= 0)
		r = attach(mount, target);
	sys_close(target);
	return r;
}

/*
 * For options too long for fsconfig(2), which takes 255 bytes. The target is resolved once like any
 * other; mount(2) gets it through the host's /proc, which is still the one in sight.
 */
int op_mount_legacy(struct run *run, const struct plan_op *op)
{
	char target[32] = "/proc/self/fd/";
	int fd = resolve(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), RESOLVE_MAKE_DIRECTORY, 0755);
	if (fd < 0)
		return fd;
	text_append_number(target, sizeof target, (uint64_t)fd);
	long r = on_filesystem(fd, PROC_SUPER_MAGIC);
	if (r)
		r = r < 0 ? r : -EPERM;
	else
		r = sys_mount(run_text(run, op->arg[3]), target, run_text(run, op->arg[2]), op->arg[4],
			   run_text(run, op->arg[5]));
	sys_close(fd);
	return (int)r;
}

int op_remount(struct run *run, const struct plan_op *op)
{
	int fd = resolve(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), RESOLVE_EXISTING, 0);
	if (fd < 0)
		return fd;
	int r = mount_attributes(fd, op->arg[2], op->arg[3], op->arg[4], op->arg[5]);
	sys_close(fd);
	return r;
}

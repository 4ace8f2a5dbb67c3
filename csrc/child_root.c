/* SPDX-License-Identifier: Apache-2.0 */
/* The root file system: files that the runtime owes it, and the move into it. */
#include "child.h"
#include "files.h"
#include "resolve.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

int op_mkdir(struct run *run, const struct plan_op *op)
{
	int fd = resolve(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), RESOLVE_MAKE_DIRECTORY,
			 (uint32_t)op->arg[2]);
	if (fd < 0)
		return fd;
	sys_close(fd);
	return 0;
}

uint64_t encode_device(uint64_t device)
{
	uint64_t major = device >> 32, minor = device & 0xffffffff;
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffull) << 12;
}

/* What is there already may stay if it is the same device. */
static int same_device(int dir, const char *name, uint64_t mode, uint64_t device)
{
	struct statx s = { 0 };
	long r = sys_statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	int same = (s.stx_mode & S_IFMT) == (mode & S_IFMT) &&
		   ((mode & S_IFMT) == S_IFIFO ||
		    (s.stx_rdev_major == device >> 32 && s.stx_rdev_minor == (device & 0xffffffff)));
	return same ? 0 : -EEXIST;
}

static int make_node(int dir, const char *name, const struct plan_op *op)
{
	long r = sys_mknodat(dir, name, op->arg[2], encode_device(op->arg[3]));
	if (r == -EEXIST)
		r = same_device(dir, name, op->arg[2], op->arg[3]);
	if (r < 0)
		return (int)r;
	r = sys_fchownat(dir, name, op->arg[4], op->arg[5], AT_SYMLINK_NOFOLLOW);
	return (int)r;
}

int op_mknod(struct run *run, const struct plan_op *op)
{
	const char *name;
	int dir = resolve_parent(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), &name);
	if (dir < 0)
		return dir;
	int r = make_node(dir, name, op);
	sys_close(dir);
	return r;
}

int op_symlink(struct run *run, const struct plan_op *op)
{
	const char *name;
	int dir = resolve_parent(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), &name);
	if (dir < 0)
		return dir;
	long r = sys_symlinkat(run_text(run, op->arg[2]), dir, name);
	sys_close(dir);
	return r == -EEXIST ? 0 : (int)r;
}

static int check_null(int fd)
{
	struct statx s = { 0 };
	long r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	int is_null = (s.stx_mode & S_IFMT) == S_IFCHR && s.stx_rdev_major == 1 && s.stx_rdev_minor == 3;
	return is_null ? 0 : -ENODEV;
}

/* The host's /dev/null in this mount namespace, so that it can be bound; the container's may be anything. */
int op_open_null(struct run *run, const struct plan_op *op)
{
	long fd = sys_openat(AT_FDCWD, run_text(run, op->arg[1]), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	int r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : check_null((int)fd);
}

int op_proc_write(struct run *run, const struct plan_op *op)
{
	struct plan_bytes value = plan_bytes(&run->plan, op->arg[2]);
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	long fd = sys_openat2(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), &how, sizeof how);
	int r = fd < 0 ? 0 : on_filesystem((int)fd, PROC_SUPER_MAGIC);
	if (fd >= 0 && r <= 0) {
		sys_close(fd);
		return r ? r : -EPERM;
	}
	return file_write_once(fd, value.data, value.size);
}

/* The old root ends up over the new one in the same place, and is taken away from there. */
int op_pivot(struct run *run, const struct plan_op *op)
{
	long r = sys_fchdir(run_slot(run, op->arg[0]));
	if (r >= 0)
		r = sys_pivot_root(".", ".");
	if (r >= 0)
		r = sys_umount2(".", 2 /* MNT_DETACH */);
	return r < 0 ? (int)r : (int)sys_chdir("/");
}

int op_chroot(struct run *run, const struct plan_op *op)
{
	long r = sys_fchdir(run_slot(run, op->arg[0]));
	if (r >= 0)
		r = sys_chroot(".");
	return r < 0 ? (int)r : (int)sys_chdir("/");
}

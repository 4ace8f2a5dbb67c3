/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of the host that the child gets by descriptor, each verified once it is open. */
#include "parent.h"
#include "process.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/stat.h>

static int check_device(int fd, uint64_t mode, uint64_t device)
{
	struct statx s = { 0 };
	long r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	if ((s.stx_mode & S_IFMT) != (mode & S_IFMT))
		return -ENODEV;
	return (uint64_t)s.stx_rdev_major << 32 == (device & 0xffffffff00000000) &&
			       s.stx_rdev_minor == (uint32_t)device ?
		       0 :
		       -ENODEV;
}

int op_open_device_tree(struct run *run, const struct plan_op *op)
{
	long fd = sys_open_tree(AT_FDCWD, run_text(run, op->arg[1]), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : check_device((int)fd, op->arg[2], op->arg[3]);
}

int op_open_namespace(struct run *run, const struct plan_op *op)
{
	/* Whatever it may be, the open must not wait. */
	long fd = sys_openat(AT_FDCWD, run_text(run, op->arg[1]), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	int r = run_fill(run, op->arg[0], fd);
	if (r < 0)
		return r;
	long type = sys_ioctl(fd, NS_GET_NSTYPE, 0);
	if (type < 0)
		return type == -ENOTTY ? -EINVAL : (int)type;
	return (uint64_t)type == op->arg[2] ? 0 : -EINVAL;
}

/* A number may have been given to another process since it was written down: its start time tells. */
int op_open_process(struct run *run, const struct plan_op *op)
{
	int pid = (int)op->arg[1];
	int r = run_fill(run, op->arg[0], sys_pidfd_open(pid, 0));
	if (r < 0)
		return r;
	int64_t start = process_start_time(pid);
	if (start < 0)
		return (int)start;
	return (uint64_t)start == op->arg[2] ? 0 : -ESRCH;
}

int op_open_output(struct run *run, const struct plan_op *op)
{
	return run_fill(run, op->arg[0], sys_memfd_create("firkin-hook-output", MFD_CLOEXEC));
}

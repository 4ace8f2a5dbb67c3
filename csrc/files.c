/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/stat.h>

/* Linux 6.3; a kernel with vm.memfd_noexec set refuses a program in a memfd made without it. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#define SEALS 0x000f /* F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE */
#define ADD_SEALS 1033
#define RECURSIVE 0x8000 /* AT_RECURSIVE */

int file_write_once(long fd, const char *data, uint32_t size)
{
	long n;
	if (fd < 0)
		return (int)fd;
	do
		n = sys_write(fd, data, size);
	while (n == -EINTR);
	sys_close(fd);
	if (n < 0)
		return (int)n;
	return (uint32_t)n == size ? 0 : -EIO;
}

static int write_all(int fd, const char *data, uint64_t size)
{
	while (size) {
		long n = sys_write(fd, data, size);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		data += n;
		size -= (uint64_t)n;
	}
	return 0;
}

static int write_number(int fd, int64_t number)
{
	char digits[24] = "";
	if (number < 0)
		return (int)number;
	return write_all(fd, digits, text_append_number(digits, sizeof digits, (uint64_t)number));
}

static int write_hole(int fd, char hole, int pid)
{
	return write_number(fd, hole == PLAN_HOLE_PID ? pid : process_start_time(pid));
}

static int is_hole(char c)
{
	return c == PLAN_HOLE_PID || c == PLAN_HOLE_START_TIME;
}

int file_write_template(int fd, struct plan_bytes template, int pid)
{
	uint32_t done = 0, at = 0;
	int r = 0;
	for (; r >= 0 && at < template.size; at++) {
		if (!is_hole(template.data[at]))
			continue;
		r = write_all(fd, template.data + done, at - done);
		if (r >= 0)
			r = write_hole(fd, template.data[at], pid);
		done = at + 1;
	}
	return r < 0 ? r : write_all(fd, template.data + done, at - done);
}

int file_seal(int memfd)
{
	return (int)sys_fcntl(memfd, ADD_SEALS, SEALS);
}

static int make_memfd(const char *name)
{
	long fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd == -EINVAL)
		fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (int)fd;
}

int file_copy(int to, int from)
{
	char buffer[16384];
	for (;;) {
		long n = sys_read(from, buffer, sizeof buffer);
		if (n == -EINTR)
			continue;
		int r = n < 0 ? (int)n : write_all(to, buffer, (uint64_t)n);
		if (n <= 0 || r < 0)
			return r;
	}
}

int file_sealed_copy(const char *name, int from)
{
	int fd = make_memfd(name);
	if (fd < 0)
		return fd;
	int r = file_copy(fd, from);
	if (r >= 0)
		r = file_seal(fd);
	if (r >= 0)
		return fd;
	sys_close(fd);
	return r;
}

int file_from_template(const char *name, struct plan_bytes template, int pid)
{
	int fd = make_memfd(name);
	if (fd < 0)
		return fd;
	int r = file_write_template(fd, template, pid);
	if (r >= 0)
		r = (int)sys_lseek(fd, 0, 0);
	if (r >= 0)
		return fd;
	sys_close(fd);
	return r;
}

int file_mode(int fd, uint32_t *mode)
{
	struct statx stat = { 0 };
	long r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE, &stat);
	*mode = stat.stx_mode;
	return (int)r;
}

int op_open(struct run *run, const struct plan_op *op)
{
	int flags = (int)op->arg[2] | O_CLOEXEC;
	return run_fill(run, op->arg[0], sys_openat(AT_FDCWD, run_text(run, op->arg[1]), flags, 0));
}

int op_open_tree(struct run *run, const struct plan_op *op)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
			 (op->arg[2] & PLAN_TREE_RECURSIVE ? RECURSIVE : 0) |
			 (op->arg[2] & PLAN_TREE_NO_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	return run_fill(run, op->arg[0], sys_open_tree(AT_FDCWD, run_text(run, op->arg[1]), flags));
}

int op_close(struct run *run, const struct plan_op *op)
{
	int fd = run_slot(run, op->arg[0]);
	if (fd < 0)
		return 0;
	run->slots[op->arg[0]] = -1;
	return (int)sys_close(fd);
}

/* A procfs of our own: nothing that the container mounts can stand in its way. */
int op_open_proc(struct run *run, const struct plan_op *op)
{
	long context = sys_fsopen("proc", FSOPEN_CLOEXEC);
	if (context < 0)
		return (int)context;
	long fd = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (fd >= 0)
		fd = sys_fsmount(context, FSMOUNT_CLOEXEC,
				 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys_close(context);
	return run_fill(run, op->arg[0], fd);
}

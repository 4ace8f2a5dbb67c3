/* SPDX-License-Identifier: Apache-2.0 */
/* The container's record on disk: a directory that is also its lock, small files written by rename. */
#include "files.h"
#include "parent.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define DIRECTORY (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Engines name directories of which after a start of the machine no part is there. */
static int make_directories(const char *path)
{
	char part[4096];
	long r = 0;
	size_t length = text_copy(part, sizeof part, path);
	if (!text_fits(part, sizeof part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= length; i++) {
		if (part[i] != '/' && part[i])
			continue;
		part[i] = 0;
		r = sys_mkdirat(AT_FDCWD, part, 0700);
		if (r < 0 && r != -EEXIST)
			return (int)r;
		part[i] = i < length ? '/' : 0;
	}
	return 0;
}

static int open_root(const char *path)
{
	long r = sys_mkdirat(AT_FDCWD, path, 0700);
	if (r == -ENOENT)
		r = make_directories(path);
	if (r < 0 && r != -EEXIST)
		return (int)r;
	return (int)sys_openat(AT_FDCWD, path, O_DIRECTORY | O_CLOEXEC, 0);
}

int op_state_make(struct run *run, const struct plan_op *op)
{
	const char *id = run_text(run, op->arg[2]);
	int root = open_root(run_text(run, op->arg[1]));
	if (root < 0)
		return root;
	long fd = sys_mkdirat(root, id, 0700);
	if (fd >= 0)
		fd = sys_openat(root, id, DIRECTORY, 0);
	sys_close(root);
	int r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : (int)sys_flock(fd, LOCK_EX);
}

/* `temporary` is `name` with a dot in front: the last component's, if it is a path. */
static int temporary_name(char *temporary, size_t room, const char *name)
{
	size_t base = 0;
	for (size_t i = 0; name[i]; i++)
		if (name[i] == '/')
			base = i + 1;
	if (base + 1 >= room)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < base; i++)
		temporary[i] = name[i];
	temporary[base] = 0;
	text_append(temporary, room, ".");
	text_append(temporary, room, name + base);
	return text_fits(temporary, room) ? 0 : -ENAMETOOLONG;
}

static int write_by_rename(struct run *run, int dir, const char *name, unsigned mode, struct plan_bytes template)
{
	char temporary[4096];
	int r = temporary_name(temporary, sizeof temporary, name);
	if (r < 0)
		return r;
	long fd = sys_openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return (int)fd;
	r = file_write_template((int)fd, template, run->pid);
	sys_close(fd);
	if (r >= 0)
		r = (int)sys_renameat2(dir, temporary, dir, name, 0);
	if (r < 0)
		sys_unlinkat(dir, temporary, 0);
	return r;
}

int op_state_write(struct run *run, const struct plan_op *op)
{
	return write_by_rename(run, run_slot(run, op->arg[0]), run_text(run, op->arg[1]), (unsigned)op->arg[2],
			       plan_bytes(&run->plan, op->arg[3]));
}

int op_pid_file(struct run *run, const struct plan_op *op)
{
	return write_by_rename(run, AT_FDCWD, run_text(run, op->arg[0]), 0644,
			       plan_bytes(&run->plan, op->arg[1]));
}

int op_state_fifo(struct run *run, const struct plan_op *op)
{
	int dir = run_slot(run, op->arg[1]);
	const char *name = run_text(run, op->arg[2]);
	long r = sys_mknodat(dir, name, 0010000 | 0600, 0);
	if (r < 0)
		return (int)r;
	/* Open for both: it neither blocks nor ever reads an end of file. */
	return run_fill(run, op->arg[0], sys_openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0));
}

int op_state_unlink(struct run *run, const struct plan_op *op)
{
	long r = sys_unlinkat(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), 0);
	return r == -ENOENT ? 0 : (int)r;
}

int op_state_remove(struct run *run, const struct plan_op *op)
{
	int root = open_root(run_text(run, op->arg[1]));
	if (root < 0)
		return root;
	long r = sys_unlinkat(root, run_text(run, op->arg[2]), 0x200 /* AT_REMOVEDIR */);
	sys_close(root);
	return (int)r;
}

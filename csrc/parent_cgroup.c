/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup is made, limited and given its device program before any process is in it. */
#include "cgroup_files.h"
#include "device_program.h"
#include "parent.h"
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <asm/statfs.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>

#define DIRECTORY (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int check_magic(int fd, long magic)
{
	struct statfs fs = { 0 };
	long r = sys_fstatfs(fd, &fs);
	if (r < 0)
		return (int)r;
	return fs.f_type == magic ? 0 : -ENOTSUP;
}

int op_cgroup_root(struct run *run, const struct plan_op *op)
{
	long fd = sys_openat(AT_FDCWD, run_text(run, op->arg[1]), O_DIRECTORY | O_CLOEXEC, 0);
	int r = run_fill(run, op->arg[0], fd);
	return r < 0 ? r : check_magic((int)fd, CGROUP2_SUPER_MAGIC);
}

static int refuse_populated(int cgroup)
{
	int r = cgroup_populated(cgroup);
	return r > 0 ? -EBUSY : r;
}

int op_cgroup_make(struct run *run, const struct plan_op *op)
{
	int parent = run_slot(run, op->arg[1]);
	const char *name = run_text(run, op->arg[2]);
	long r = sys_mkdirat(parent, name, 0755);
	if (r < 0 && r != -EEXIST)
		return (int)r;
	long fd = sys_openat(parent, name, DIRECTORY, 0);
	if (fd >= 0 && r == -EEXIST && op->arg[3]) {
		r = refuse_populated((int)fd);
		if (r < 0) {
			sys_close(fd);
			return (int)r;
		}
	}
	return run_fill(run, op->arg[0], fd);
}

/* A write is all or nothing: one controller that the kernel refuses must not cost the others. */
static void enable_each(int dir, const char *controllers)
{
	while (*controllers) {
		size_t n = 0;
		while (controllers[n] && controllers[n] != ' ')
			n++;
		cgroup_write(dir, "cgroup.subtree_control", controllers, n);
		controllers += n + (controllers[n] == ' ');
	}
}

int op_cgroup_enable(struct run *run, const struct plan_op *op)
{
	int dir = run_slot(run, op->arg[0]);
	const char *wanted = run_text(run, op->arg[1]), *required = run_text(run, op->arg[2]);
	if (*wanted && cgroup_write(dir, "cgroup.subtree_control", wanted, text_length(wanted)) < 0)
		enable_each(dir, wanted);
	if (!*required)
		return 0;
	return cgroup_write(dir, "cgroup.subtree_control", required, text_length(required));
}

int op_cgroup_write(struct run *run, const struct plan_op *op)
{
	struct plan_bytes value = plan_bytes(&run->plan, op->arg[2]);
	int r = cgroup_write(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), value.data, value.size);
	/* What says "no limit" is true of a file that is not there. */
	return r == -ENOENT && op->arg[3] ? 0 : r;
}

int op_cgroup_devices(struct run *run, const struct plan_op *op)
{
	struct plan_bytes instructions = plan_bytes(&run->plan, op->arg[1]);
	int program = device_program_load(instructions.data, instructions.size);
	if (program < 0)
		return program;
	int r = device_program_attach(run_slot(run, op->arg[0]), program, -1);
	sys_close(program);
	return r;
}

int op_cgroup_remove(struct run *run, const struct plan_op *op)
{
	int dir = run_slot(run, op->arg[2]);
	int r = cgroup_kill(dir);
	if (r >= 0)
		r = cgroup_wait_empty(dir);
	return r < 0 ? r : (int)sys_unlinkat(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), 0x200);
}

/* "0::/a/b\n" among the lines of the hierarchies; cut at its end, without the leading slash. */
static char *unified_path(char *lines)
{
	while (*lines) {
		char *end = lines;
		while (*end && *end != '\n')
			end++;
		if (lines[0] == '0' && lines[1] == ':' && lines[2] == ':' && lines[3] == '/') {
			*end = 0;
			return lines[4] ? lines + 4 : ".";
		}
		lines = *end ? end + 1 : end;
	}
	return 0;
}

int op_cgroup_of(struct run *run, const struct plan_op *op)
{
	char lines[8192];
	int fd = process_open((int)op->arg[2], "cgroup", O_RDONLY);
	if (fd < 0)
		return fd;
	long n = sys_read(fd, lines, sizeof lines - 1);
	sys_close(fd);
	lines[n < 0 ? 0 : n] = 0;
	const char *path = unified_path(lines);
	if (!path)
		return -ENOENT;
	struct open_how how = { .flags = O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	return run_fill(run, op->arg[0], sys_openat2(run_slot(run, op->arg[1]), path, &how, sizeof how));
}

/*
 * What is needed to manage the cgroups below it goes to the container's root; limits stay the host's (cgroup-v2.rst,
 * "Delegation"). Not every kernel has every file.
 */
int op_cgroup_owner(struct run *run, const struct plan_op *op)
{
	int dir = run_slot(run, op->arg[0]);
	long r = sys_fchown(dir, op->arg[1], -1);
	for (char *const *file = plan_vector(&run->plan, op->arg[2]); *file && r >= 0; file++) {
		r = sys_fchownat(dir, *file, op->arg[1], -1, AT_SYMLINK_NOFOLLOW);
		if (r == -ENOENT)
			r = 0;
	}
	return (int)r;
}

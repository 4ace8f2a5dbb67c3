/* SPDX-License-Identifier: Apache-2.0 */
/* The last steps: where the program stands, and its execution. */
#include "child.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/stat.h>

#define X_OK 1
#define EACCESS_FLAG 0x200 /* AT_EACCESS */

/* A directory outside of the root has no path: getcwd(2) answers "(unreachable)...". */
static int cwd_is_inside(void)
{
	static char path[4096];
	long n = sys_getcwd(path, sizeof path);
	if (n < 0)
		return n == -ENOENT ? -EPERM : (int)n;
	return path[0] == '/' ? 0 : -EPERM;
}

/* The user may lack the right to enter it: then root has tried before, and this is the second try. */
int op_chdir(struct run *run, const struct plan_op *op)
{
	if (run->cwd_set)
		return 0;
	long r = sys_chdir(run_text(run, op->arg[0]));
	if (r == -EACCES && !op->arg[1])
		return 0;
	if (r < 0)
		return (int)r;
	run->cwd_set = 1;
	return cwd_is_inside();
}

/* Descriptors of the host have no place in a process that the container's processes can see. */
int op_keep_slots(struct run *run, const struct plan_op *op)
{
	for (uint32_t slot = 0; slot < run->plan.header->slots; slot++) {
		if (run->slots[slot] < 0 || slot == op->arg[0] || slot == op->arg[1] || slot == op->arg[2] ||
		    slot == op->arg[3])
			continue;
		sys_close(run->slots[slot]);
		run->slots[slot] = -1;
	}
	if (run->empty_tree >= 0)
		sys_close(run->empty_tree);
	run->empty_tree = -1;
	return 0;
}

static int executable(const char *path)
{
	struct statx s = { 0 };
	long r = sys_statx(AT_FDCWD, path, 0, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	if ((s.stx_mode & 0170000) != 0100000 || !(s.stx_mode & 0111))
		return -EACCES;
	r = sys_faccessat2(AT_FDCWD, path, X_OK, EACCESS_FLAG);
	/* The container's filter may not know the call: execve(2) will tell. */
	return r == -ENOSYS || r == -EPERM ? 0 : (int)r;
}

static int absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

/* Every descriptor is born close-on-exec; this holds even for one that was not, or that a path of ours made. */
int op_close_on_exec(struct run *run, const struct plan_op *op)
{
	(void)op;
	return (int)sys_close_range(3 + run->plan.header->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC);
}

int op_find_executable(struct run *run, const struct plan_op *op)
{
	int result = -ENOENT;
	for (char *const *path = plan_vector(&run->plan, op->arg[0]); *path; path++) {
		int r = executable(*path);
		if (!r)
			return 0;
		if (!absent(r))
			result = r;
	}
	return result;
}

int op_exec(struct run *run, const struct plan_op *op)
{
	char *const *argv = plan_vector(&run->plan, op->arg[1]);
	char *const *envp = plan_vector(&run->plan, op->arg[2]);
	int result = -ENOENT;
	for (char *const *path = plan_vector(&run->plan, op->arg[0]); *path; path++) {
		long r = sys_execve(*path, argv, envp);
		if (!absent((int)r))
			result = (int)r;
		if (!absent((int)r) && r != -EACCES)
			break;
	}
	return result;
}

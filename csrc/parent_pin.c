/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that live without a process: each is kept by a mount of its file. */
#include "parent.h"
#include "process.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

#define EMPTY_BOTH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
#define DETACH 2 /* MNT_DETACH */
#define NO_FOLLOW 8 /* UMOUNT_NOFOLLOW */

static const struct {
	uint64_t type;
	const char *file;
} namespaces[] = {
	{ CLONE_NEWNET, "ns/net" },
	{ CLONE_NEWIPC, "ns/ipc" },
	{ CLONE_NEWUTS, "ns/uts" },
	{ CLONE_NEWPID, "ns/pid" },
	{ CLONE_NEWUSER, "ns/user" },
};

static const char *file_of(uint64_t type)
{
	for (unsigned i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		if (namespaces[i].type == type)
			return namespaces[i].file;
	return 0;
}

static int mount_over(int namespace, int file)
{
	long tree = sys_open_tree(namespace, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return (int)tree;
	long r = sys_move_mount(tree, "", file, "", EMPTY_BOTH);
	sys_close(tree);
	return (int)r;
}

int op_pin_namespace(struct run *run, const struct plan_op *op)
{
	const char *source = file_of(op->arg[2]);
	if (!source || !run->pid)
		return source ? -ESRCH : -EINVAL;
	int flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	long file = sys_openat(run_slot(run, op->arg[0]), run_text(run, op->arg[1]), flags, 0400);
	if (file < 0)
		return (int)file;
	int namespace = process_open(run->pid, source, O_RDONLY);
	int r = namespace < 0 ? namespace : mount_over(namespace, (int)file);
	if (namespace >= 0)
		sys_close(namespace);
	sys_close(file);
	return r;
}

/* umount2(2) takes a path; the directory is still the one that was opened. */
static int unmount(int dir, const char *name)
{
	char path[4096];
	text_copy(path, sizeof path, "/proc/self/fd/");
	text_append_number(path, sizeof path, (uint64_t)dir);
	text_append(path, sizeof path, "/");
	text_append(path, sizeof path, name);
	return text_fits(path, sizeof path) ? (int)sys_umount2(path, DETACH | NO_FOLLOW) : -ENAMETOOLONG;
}

/* There may be only the file, or not even that. */
int op_unpin_namespace(struct run *run, const struct plan_op *op)
{
	int dir = run_slot(run, op->arg[0]);
	const char *name = run_text(run, op->arg[1]);
	long r = unmount(dir, name);
	if (r < 0 && r != -EINVAL && r != -ENOENT)
		return (int)r;
	r = sys_unlinkat(dir, name, 0);
	return r == -ENOENT ? 0 : (int)r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second way to an overlay mount: in a mount namespace that lives for as long as the call. There layers are attached
 * mounts, which every kernel takes, mount(2) has room for the names of all of them, and a clone of the result outlives
 * the namespace. The host sees nothing of it.
 */
#include "overlay.h"
#include "process.h"
#include "resolve.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>

#define STACK 32768
#define OPTIONS_ROOM 4096 /* what mount(2) takes: a page */
#define EMPTY_BOTH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
#define PRIVATE (1 << 18) /* MS_PRIVATE */
#define RECURSIVE 0x8000  /* AT_RECURSIVE */
#define DIRECTORY (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct job {
	const struct overlay *overlay;
	int tree;
	const char *path;
	int result;
	int fds[OVERLAY_MOST + 2];
	unsigned count;
	char options[OPTIONS_ROOM];
};

static int keep(struct job *job, long fd)
{
	if (fd >= 0)
		job->fds[job->count++] = (int)fd;
	return (int)fd;
}

/* Over the directory itself: its path then leads to the files with the ids of the user namespace. */
static int attach_mapped(int directory, const char *path, int users)
{
	long tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return (int)tree;
	long r = overlay_map_ids((int)tree, users, 0);
	if (r >= 0)
		r = sys_move_mount(tree, "", directory, "", EMPTY_BOTH);
	if (r >= 0)
		return (int)tree;
	sys_close(tree);
	return (int)r;
}

static int open_lower(const char *path, int users)
{
	long fd = sys_openat(AT_FDCWD, path, DIRECTORY, 0);
	if (fd < 0 || users < 0)
		return (int)fd;
	int mapped = attach_mapped((int)fd, path, users);
	sys_close(fd);
	return mapped;
}

/* The name of a descriptor in the working directory, which is /proc/self/fd: short, and resolved only once. */
static void append_fd(struct job *job, const char *before, int fd)
{
	text_append(job->options, OPTIONS_ROOM, before);
	text_append_number(job->options, OPTIONS_ROOM, (uint64_t)fd);
}

static int append_layers(struct job *job)
{
	const struct overlay *overlay = job->overlay;
	for (char *const *path = overlay->lower; *path; path++) {
		if (job->count == OVERLAY_MOST)
			return -E2BIG;
		int fd = keep(job, open_lower(*path, overlay->users));
		if (fd < 0)
			return fd;
		append_fd(job, job->count == 1 ? "lowerdir=" : ":", fd);
	}
	if (!*overlay->upper)
		return 0;
	int upper = keep(job, sys_openat(AT_FDCWD, overlay->upper, DIRECTORY, 0));
	int work = upper < 0 ? upper : keep(job, sys_openat(AT_FDCWD, overlay->work, DIRECTORY, 0));
	if (work < 0)
		return work;
	append_fd(job, ",upperdir=", upper);
	append_fd(job, ",workdir=", work);
	return 0;
}

/* The same pairs as fsconfig(2) gets them, in one text. */
static int append_options(struct job *job)
{
	const char *s = job->overlay->options.data, *end = s + job->overlay->options.size;
	while (s < end) {
		const char *key = s, *value = key + text_length(key) + 1;
		if (value >= end)
			return -EINVAL;
		text_append(job->options, OPTIONS_ROOM, ",");
		text_append(job->options, OPTIONS_ROOM, key + 1);
		text_append(job->options, OPTIONS_ROOM, key[0] == '!' ? "" : "=");
		text_append(job->options, OPTIONS_ROOM, value);
		s = value + text_length(value) + 1;
	}
	return text_fits(job->options, OPTIONS_ROOM) ? 0 : -E2BIG;
}

static int enter(void)
{
	struct mount_attr attr = { .propagation = PRIVATE };
	long r = sys_mount_setattr(AT_FDCWD, "/", RECURSIVE, &attr, sizeof attr);
	return r < 0 ? (int)r : (int)sys_chdir("/proc/self/fd");
}

static int make_overlay(struct job *job)
{
	const char *place = job->overlay->lower[0];
	int r = enter();
	if (r >= 0)
		r = append_layers(job);
	if (r >= 0)
		r = append_options(job);
	if (r >= 0)
		r = (int)sys_mount("overlay", place, "overlay", 0, job->options);
	return r < 0 ? r : (int)sys_open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int make_subtree(struct job *job)
{
	int r = enter();
	long root = r < 0 ? r : sys_openat(AT_FDCWD, "/", DIRECTORY, 0);
	if (root < 0)
		return (int)root;
	r = (int)sys_move_mount(job->tree, "", root, "", EMPTY_BOTH);
	sys_close(root);
	int place = r < 0 ? r : resolve_open(job->tree, job->path, O_PATH);
	if (place < 0)
		return place;
	r = (int)sys_open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	sys_close(place);
	return r;
}

__attribute__((noreturn)) static void child_main(void *argument)
{
	struct job *job = argument;
	job->result = job->overlay ? make_overlay(job) : make_subtree(job);
	for (;;)
		sys_exit_group(0);
}

/* The child shares memory and descriptors, so that what it opens is open here; this process waits meanwhile. */
static int do_privately(struct job *job)
{
	char stack[STACK] __attribute__((aligned(16)));
	int pidfd = -1;
	uint64_t all = ~0ull, before;
	job->result = -ECHILD;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	sys_rt_sigprocmask(SIG_SETMASK, &all, &before);
	long pid = sys_clone3_call(&args, sizeof args, child_main, job);
	sys_rt_sigprocmask(SIG_SETMASK, &before, 0);
	if (pid < 0)
		return (int)pid;
	process_wait(pidfd, -1);
	sys_close(pidfd);
	return job->result;
}

int overlay_mount_private(const struct overlay *overlay)
{
	struct job job = { .overlay = overlay };
	int mount = do_privately(&job);
	for (unsigned i = 0; i < job.count; i++)
		sys_close(job.fds[i]);
	return mount;
}

int overlay_subtree_private(int tree, const char *path)
{
	struct job job = { .tree = tree, .path = path };
	return do_privately(&job);
}

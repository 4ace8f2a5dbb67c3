/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies under a new file system is copied into it (the mount option tmpcopyup). The source is the image's: it is
 * walked by descriptor and no link in it is followed.
 */
#include "child.h"
#include "files.h"
#include "resolve.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <sys/stat.h>

#define DEEPEST 64
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int copy_directory(int from, int to, int depth);

/* An owner that this user namespace does not know can't be given. */
static int copy_attributes(int to, const char *name, const struct statx *s)
{
	const struct __kernel_timespec times[] = {
		{ s->stx_atime.tv_sec, s->stx_atime.tv_nsec },
		{ s->stx_mtime.tv_sec, s->stx_mtime.tv_nsec },
	};
	long r = sys_fchownat(to, name, s->stx_uid, s->stx_gid, AT_SYMLINK_NOFOLLOW);
	if (r == -EINVAL)
		r = 0;
	if (r >= 0 && (s->stx_mode & S_IFMT) != S_IFLNK)
		r = sys_fchmodat(to, name, s->stx_mode & 07777);
	return r < 0 ? (int)r : (int)sys_utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_file(int from, int to, const char *name)
{
	long source = sys_openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (source < 0)
		return (int)source;
	long target = sys_openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = target < 0 ? (int)target : file_copy((int)target, (int)source);
	sys_close(source);
	if (target >= 0)
		sys_close(target);
	return r;
}

static int copy_link(int from, int to, const char *name)
{
	char target[4097];
	long n = sys_readlinkat(from, name, target, sizeof target - 1);
	if (n < 0)
		return (int)n;
	target[n] = 0;
	return (int)sys_symlinkat(target, to, name);
}

static int copy_below(int from, int to, const char *name, int depth)
{
	long r = sys_mkdirat(to, name, 0700);
	if (r < 0)
		return (int)r;
	long source = sys_openat(from, name, DIRECTORY, 0);
	if (source < 0)
		return (int)source;
	long target = sys_openat(to, name, DIRECTORY, 0);
	r = target < 0 ? target : copy_directory((int)source, (int)target, depth + 1);
	sys_close(source);
	if (target >= 0)
		sys_close(target);
	return (int)r;
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct statx s = { 0 };
	long r = sys_statx(from, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &s);
	if (r < 0)
		return (int)r;
	switch (s.stx_mode & S_IFMT) {
	case S_IFDIR:
		r = copy_below(from, to, name, depth);
		break;
	case S_IFREG:
		r = copy_file(from, to, name);
		break;
	case S_IFLNK:
		r = copy_link(from, to, name);
		break;
	default:
		r = sys_mknodat(to, name, s.stx_mode & (S_IFMT | 0600),
				encode_device((uint64_t)s.stx_rdev_major << 32 | s.stx_rdev_minor));
	}
	return r < 0 ? (int)r : copy_attributes(to, name, &s);
}

static int is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int copy_directory(int from, int to, int depth)
{
	char buffer[2048] __attribute__((aligned(8)));
	long n, r = depth < DEEPEST ? 0 : -ELOOP;
	while (r >= 0 && (n = sys_getdents64(from, buffer, sizeof buffer)) != 0) {
		if (n < 0)
			return (int)n;
		for (long at = 0; at < n && r >= 0;) {
			const struct entry *entry = (const void *)(buffer + at);
			at += entry->size;
			r = is_dots(entry->name) ? 0 : copy_entry(from, to, entry->name, depth);
		}
	}
	return (int)r;
}

int op_copy_up(struct run *run, const struct plan_op *op)
{
	int from = resolve_open(run_slot(run, op->arg[1]), run_text(run, op->arg[2]), O_RDONLY | O_DIRECTORY);
	if (from < 0)
		return from == -ENOENT ? 0 : from;
	int r = copy_directory(from, run_slot(run, op->arg[0]), 0);
	sys_close(from);
	return r;
}

/* A new file system that nobody gave a mode has that of the directory that it hides, if there is one. */
int op_copy_mode(struct run *run, const struct plan_op *op)
{
	uint32_t mode;
	int place = resolve(run_slot(run, op->arg[1]), run_text(run, op->arg[2]), RESOLVE_EXISTING, 0);
	if (place < 0)
		return place == -ENOENT ? 0 : place;
	int r = file_mode(place, &mode);
	sys_close(place);
	return r < 0 ? r : (int)sys_fchmodat(run_slot(run, op->arg[0]), ".", mode & 07777);
}

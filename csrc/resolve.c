/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#define PATH_ROOM 4096
#define MAX_LINKS 40   /* as the kernel has it */
#define MAX_RACES 128

/* Renames elsewhere make the kernel give up a resolution with "..": EAGAIN asks for another try. */
static int open_in(int root, const char *path, uint64_t flags, uint64_t how_to)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = how_to };
	long fd = -EAGAIN;
	for (int i = 0; i < MAX_RACES && fd == -EAGAIN; i++)
		fd = sys_openat2(root, path, &how, sizeof how);
	return (int)fd;
}

static int open_in_root(int root, const char *path, uint64_t flags)
{
	return open_in(root, *path ? path : ".", flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int resolve_open(int root, const char *path, uint64_t flags)
{
	return open_in_root(root, path, flags);
}

int resolve_no_follow(int root, const char *path)
{
	return open_in_root(root, path, O_PATH | O_NOFOLLOW);
}

struct walk {
	char path[PATH_ROOM]; /* what is left to make, links replaced by their targets */
	size_t end;           /* end of the component at hand */
	int parent;           /* the directory that holds it */
	int links, restarts;
};

static int is_last(const struct walk *walk)
{
	size_t i = walk->end;
	while (walk->path[i] == '/')
		i++;
	return !walk->path[i];
}

static size_t component_start(const struct walk *walk)
{
	size_t start = walk->end;
	while (start && walk->path[start - 1] != '/')
		start--;
	return start;
}

/* Puts a dangling link's target in the place of the link, and starts again. */
static int replace_link(struct walk *walk, const char *target)
{
	char joined[PATH_ROOM];
	size_t start = component_start(walk);
	joined[0] = 0;
	if (target[0] != '/') {
		char kept = walk->path[start];
		walk->path[start] = 0;
		text_copy(joined, sizeof joined, walk->path);
		walk->path[start] = kept;
	}
	text_append(joined, sizeof joined, target);
	text_append(joined, sizeof joined, walk->path + walk->end);
	if (!text_fits(joined, sizeof joined))
		return -ENAMETOOLONG;
	text_copy(walk->path, sizeof walk->path, joined);
	walk->end = 0;
	return ++walk->links > MAX_LINKS ? -ELOOP : 0;
}

static int make_component(struct walk *walk, const char *name, enum resolve_make make, uint32_t mode)
{
	char target[PATH_ROOM];
	long n = sys_readlinkat(walk->parent, name, target, sizeof target - 1);
	if (n >= 0) {
		target[n] = 0;
		return replace_link(walk, target);
	}
	if (n != -ENOENT)
		return n == -EINVAL ? -EAGAIN : (int)n;
	int last = is_last(walk);
	if (last && make == RESOLVE_MAKE_FILE)
		return (int)sys_mknodat(walk->parent, name, S_IFREG | mode, 0);
	return (int)sys_mkdirat(walk->parent, name, last ? mode : 0755);
}

static void next_component(struct walk *walk)
{
	while (walk->path[walk->end] == '/')
		walk->end++;
	while (walk->path[walk->end] && walk->path[walk->end] != '/')
		walk->end++;
}

/* Opens the path up to the component at hand, which is made if it is missing. */
static int step(struct walk *walk, int root, enum resolve_make make, uint32_t mode)
{
	char kept = walk->path[walk->end];
	walk->path[walk->end] = 0;
	int fd = open_in_root(root, walk->path, O_PATH);
	char name[NAME_MAX + 2];
	size_t length = text_copy(name, sizeof name, walk->path + component_start(walk));
	walk->path[walk->end] = kept;
	if (fd != -ENOENT)
		return fd;
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	size_t before = walk->end;
	int r = make_component(walk, name, make, mode);
	if (r < 0 && r != -EEXIST && r != -EAGAIN)
		return r;
	/* What was made just now is opened as that and nothing else. */
	if (!r && walk->end == before)
		return open_in(walk->parent, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	return -EAGAIN;
}

/* After a link, which was replaced, or a race, whose outcome is looked at anew. */
static int restart(struct walk *walk, int root)
{
	if (++walk->restarts > MAX_RACES)
		return -ELOOP;
	walk->end = 0;
	sys_close(walk->parent);
	walk->parent = open_in_root(root, ".", O_PATH | O_DIRECTORY);
	return walk->parent;
}

static int walk_path(struct walk *walk, int root, enum resolve_make make, uint32_t mode)
{
	for (;;) {
		next_component(walk);
		int fd = step(walk, root, make, mode);
		int again = fd == -EAGAIN;
		if (again)
			fd = restart(walk, root);
		if (fd < 0)
			return fd;
		if (again)
			continue;
		sys_close(walk->parent);
		walk->parent = fd;
		if (is_last(walk))
			return fd;
	}
}

int resolve(int root, const char *path, enum resolve_make make, uint32_t mode)
{
	int fd = open_in_root(root, path, O_PATH);
	if (fd != -ENOENT || make == RESOLVE_EXISTING)
		return fd;
	struct walk walk = { .parent = open_in_root(root, ".", O_PATH | O_DIRECTORY) };
	text_copy(walk.path, sizeof walk.path, path);
	if (!text_fits(walk.path, sizeof walk.path))
		fd = -ENAMETOOLONG;
	else
		fd = walk.parent < 0 ? walk.parent : walk_path(&walk, root, make, mode);
	if (fd < 0 && walk.parent >= 0)
		sys_close(walk.parent);
	return fd;
}

int resolve_parent(int root, const char *path, const char **base)
{
	char directory[PATH_ROOM];
	size_t end = text_copy(directory, sizeof directory, path);
	if (!text_fits(directory, sizeof directory))
		return -ENAMETOOLONG;
	while (end && directory[end - 1] != '/')
		end--;
	*base = path + end;
	directory[end] = 0;
	if (!**base || text_equal(*base, ".") || text_equal(*base, ".."))
		return -EINVAL;
	return resolve(root, directory, RESOLVE_MAKE_DIRECTORY, 0755);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "inode_map.h"
#include "tree_copy_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* The copy goes down and up as the walk does: `to` is the directory that corresponds to the one at hand. */
struct copy {
	int root, to;
	char *path; /* of `to` below `root`, each part with a slash in front */
	size_t length, room;
	struct inode_map linked;
	const struct tree_ids *ids;
	int can_share;
};

static int push(struct copy *copy, const char *name)
{
	size_t length = strlen(name), need = copy->length + length + 2;
	if (need > copy->room) {
		char *path = realloc(copy->path, need * 2);
		if (!path)
			return -ENOMEM;
		copy->path = path;
		copy->room = need * 2;
	}
	copy->path[copy->length++] = '/';
	memcpy(copy->path + copy->length, name, length + 1);
	copy->length += length;
	return 0;
}

static void pop(struct copy *copy)
{
	while (copy->length && copy->path[--copy->length] != '/')
		;
	copy->path[copy->length] = 0;
}

static int make_file(struct copy *copy, int directory, const char *name, const struct stat *status)
{
	int from = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return -errno;
	int to = openat(copy->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = to < 0 ? -errno : copy_data(from, to, status->st_size, &copy->can_share);
	if (r >= 0)
		r = copy_attributes(from, to, status, copy->ids);
	close(from);
	if (to >= 0)
		close(to);
	return r;
}

static int make_link(const struct copy *copy, int directory, const char *name)
{
	char target[TREE_PATH];
	ssize_t n = readlinkat(directory, name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	return symlinkat(target, copy->to, name) < 0 ? -errno : 0;
}

/* What can't be opened for reading: it has no data, and its attributes are set by a descriptor of the place. */
static int make_node(struct copy *copy, int directory, const char *name, const struct stat *status)
{
	int r = S_ISLNK(status->st_mode) ? make_link(copy, directory, name) :
		mknodat(copy->to, name, status->st_mode & S_IFMT, status->st_rdev) < 0 ? -errno : 0;
	if (r < 0)
		return r;
	int from = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int to = from < 0 ? -1 : openat(copy->to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = to < 0 ? -errno : copy_attributes(from, to, status, copy->ids);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return r;
}

/* 1 if it is another name of a file that is there already. */
static int make_name(struct copy *copy, const char *name, const struct stat *status)
{
	int is_new;
	struct inode_entry *entry = inode_map_entry(&copy->linked, status, &is_new);
	if (!entry)
		return -ENOMEM;
	if (!is_new)
		return linkat(copy->root, entry->path + 1, copy->to, name, 0) < 0 ? -errno : 1;
	int r = push(copy, name);
	if (r < 0)
		return r;
	entry->path = strdup(copy->path);
	pop(copy);
	return entry->path ? 0 : -ENOMEM;
}

static int copy_file(void *data, int directory, const char *name, const struct stat *status)
{
	struct copy *copy = data;
	if (status->st_nlink > 1) {
		int r = make_name(copy, name, status);
		if (r)
			return r < 0 ? r : 0;
	}
	return S_ISREG(status->st_mode) ? make_file(copy, directory, name, status) :
					  make_node(copy, directory, name, status);
}

static int go_to(struct copy *copy, const char *name)
{
	int to = openat(copy->to, name, DIRECTORY);
	if (to < 0)
		return -errno;
	close(copy->to);
	copy->to = to;
	return 0;
}

static int enter_directory(void *data, int directory, const char *name, const struct stat *status)
{
	struct copy *copy = data;
	(void)directory;
	(void)status;
	if (mkdirat(copy->to, name, 0700) < 0)
		return -errno;
	int r = push(copy, name);
	return r < 0 ? r : go_to(copy, name);
}

/* Its times are right when nothing more is made in it. */
static int leave_directory(void *data, int directory, const char *name, const struct stat *status)
{
	struct copy *copy = data;
	int from = openat(directory, name, DIRECTORY);
	if (from < 0)
		return -errno;
	int r = copy_attributes(from, copy->to, status, copy->ids);
	close(from);
	pop(copy);
	return r < 0 ? r : go_to(copy, "..");
}

int tree_copy(int from, int to, const struct tree_ids *ids, struct tree_place *place)
{
	static const struct tree_visitor visitor = { copy_file, enter_directory, leave_directory };
	struct copy copy = { .root = to, .to = openat(to, ".", DIRECTORY), .ids = ids, .can_share = 1 };
	struct stat status;
	place->path[0] = 0;
	if (copy.to < 0)
		return -errno;
	int r = fstat(from, &status) < 0 ? -errno : tree_walk(from, &visitor, &copy, place);
	if (r >= 0)
		r = copy_attributes(from, to, &status, ids);
	close(copy.to);
	free(copy.path);
	inode_map_free(&copy.linked);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A directory on the way down: its names, one behind the other, and the one at hand. */
struct level {
	char *names;
	size_t size, at;
	struct stat status;
};

struct walk {
	const struct tree_visitor *visitor;
	void *data;
	int directory; /* the lowest */
	struct level *levels;
	size_t depth, room;
};

static int is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static int add_name(struct level *level, size_t *room, const char *name)
{
	size_t length = strlen(name) + 1;
	if (*room - level->size < length) {
		size_t more = (*room + length) * 2;
		char *names = realloc(level->names, more);
		if (!names)
			return -ENOMEM;
		level->names = names;
		*room = more;
	}
	memcpy(level->names + level->size, name, length);
	level->size += length;
	return 0;
}

static int read_names(int directory, struct level *level)
{
	size_t room = 0;
	int fd = openat(directory, ".", DIRECTORY), r = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	errno = 0;
	for (struct dirent *entry; r >= 0 && (entry = readdir(stream)); errno = 0)
		if (!is_dot(entry->d_name))
			r = add_name(level, &room, entry->d_name);
	r = r < 0 ? r : -errno;
	closedir(stream);
	return r;
}

static int grow(struct walk *walk)
{
	if (walk->depth < walk->room)
		return 0;
	size_t room = walk->room ? walk->room * 2 : 32;
	void *levels = realloc(walk->levels, room * sizeof *walk->levels);
	if (!levels)
		return -ENOMEM;
	walk->levels = levels;
	walk->room = room;
	return 0;
}

/* Goes into the open directory, and takes it over. */
static int descend(struct walk *walk, int directory)
{
	struct level level = { .names = NULL };
	int r = grow(walk);
	if (r >= 0 && fstat(directory, &level.status) < 0)
		r = -errno;
	if (r >= 0 && walk->depth && level.status.st_dev != walk->levels[0].status.st_dev)
		r = -EXDEV;
	if (r >= 0)
		r = read_names(directory, &level);
	if (r < 0) {
		free(level.names);
		close(directory);
		return r;
	}
	if (walk->directory >= 0)
		close(walk->directory);
	walk->directory = directory;
	walk->levels[walk->depth++] = level;
	return 0;
}

static const char *name_at(const struct level *level)
{
	return level->names + level->at;
}

static void advance(struct level *level)
{
	level->at += strlen(name_at(level)) + 1;
}

/* Goes up, where it must be the directory that the walk came from. */
static int ascend(struct walk *walk)
{
	struct stat left = walk->levels[walk->depth - 1].status, found;
	free(walk->levels[--walk->depth].names);
	if (!walk->depth)
		return 0;
	struct level *level = &walk->levels[walk->depth - 1];
	int parent = openat(walk->directory, "..", DIRECTORY);
	if (parent < 0)
		return -errno;
	close(walk->directory);
	walk->directory = parent;
	if (fstat(parent, &found) < 0)
		return -errno;
	if (found.st_ino != level->status.st_ino || found.st_dev != level->status.st_dev)
		return -ESTALE;
	tree_visit *leave = walk->visitor->leave;
	int r = leave ? leave(walk->data, parent, name_at(level), &left) : 0;
	if (r >= 0)
		advance(level);
	return r;
}

static int visit(struct walk *walk, struct level *level)
{
	struct stat status;
	const char *name = name_at(level);
	int r = 0;
	if (fstatat(walk->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return -errno;
		/* Somebody else removes the tree, too. */
		advance(level);
		return 0;
	}
	if (!S_ISDIR(status.st_mode)) {
		r = walk->visitor->file(walk->data, walk->directory, name, &status);
		if (r >= 0)
			advance(level);
		return r;
	}
	if (walk->visitor->enter)
		r = walk->visitor->enter(walk->data, walk->directory, name, &status);
	int directory = r < 0 ? r : openat(walk->directory, name, DIRECTORY);
	if (r >= 0 && directory < 0)
		r = -errno;
	return r < 0 ? r : descend(walk, directory);
}

static void tell_place(const struct walk *walk, struct tree_place *place)
{
	size_t size = 0;
	place->path[0] = 0;
	for (size_t i = 0; i < walk->depth; i++) {
		const struct level *level = &walk->levels[i];
		size_t length = level->at < level->size ? strlen(name_at(level)) : 0;
		if (!length || size + length + 2 > sizeof place->path)
			return;
		if (size)
			place->path[size++] = '/';
		memcpy(place->path + size, name_at(level), length + 1);
		size += length;
	}
}

int tree_walk(int root, const struct tree_visitor *visitor, void *data, struct tree_place *place)
{
	struct walk walk = { .visitor = visitor, .data = data, .directory = -1 };
	place->path[0] = 0;
	int directory = openat(root, ".", DIRECTORY);
	int r = directory < 0 ? -errno : descend(&walk, directory);
	while (r >= 0 && walk.depth) {
		struct level *level = &walk.levels[walk.depth - 1];
		r = level->at == level->size ? ascend(&walk) : visit(&walk, level);
	}
	if (r < 0)
		tell_place(&walk, place);
	while (walk.depth)
		free(walk.levels[--walk.depth].names);
	free(walk.levels);
	if (walk.directory >= 0)
		close(walk.directory);
	return r;
}

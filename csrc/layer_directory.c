/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories on the way to an entry. They stay open for the entries that follow, which are mostly near by, and
 * get their times when they are left: those that the layer says, or those that they had.
 */
#include "layer_internal.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int innermost(const struct layer *layer)
{
	return layer->open[layer->open_count - 1].fd;
}

int layer_enter(struct layer *layer, int fd, size_t length, const struct timespec *time)
{
	struct stat there;
	int r = 0;
	if (fd < 0)
		return fd;
	if (layer->open_count == layer->open_room) {
		size_t room = layer->open_room * 2 + 16;
		void *open = realloc(layer->open, room * sizeof *layer->open);
		if (!open)
			r = -ENOMEM;
		else
			layer->open = open, layer->open_room = room;
	}
	if (r >= 0 && !time && fstat(fd, &there) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	memcpy(layer->way, layer->path, length);
	layer->open[layer->open_count++] = (struct open_directory){ fd, length, time ? *time : there.st_mtim };
	return 0;
}

static int leave(struct layer *layer)
{
	const struct open_directory *directory = &layer->open[--layer->open_count];
	struct timespec times[2] = { directory->time, directory->time };
	int r = futimens(directory->fd, times) < 0 ? -errno : 0;
	close(directory->fd);
	return r;
}

int layer_leave_all(struct layer *layer)
{
	int r = 0;
	while (layer->open_count && r >= 0)
		r = leave(layer);
	return r;
}

void layer_forget_all(struct layer *layer)
{
	while (layer->open_count)
		close(layer->open[--layer->open_count].fd);
	free(layer->open);
}

static int is_on_the_way(const struct layer *layer, const struct open_directory *directory, size_t length)
{
	size_t n = directory->length;
	return !n || (n <= length && layer->path[n] == '/' && !memcmp(layer->way, layer->path, n));
}

/* In a directory of the layer's own it has no mode, until an entry gives it one, or it is known what lies below. */
static mode_t implied_mode(const struct layer *layer)
{
	return layer->whiteouts == LAYER_OVERLAY ? 0 : 0755;
}

/* What is no directory may be a link to one, which is looked for from the root on. `path` leads to it. */
static int open_through_link(struct layer *layer, const char *path)
{
	int fd = resolve_open(layer->root, path, O_RDONLY | O_DIRECTORY);
	if (fd != -ENOENT)
		return fd;
	fd = resolve(layer->root, path, RESOLVE_MAKE_DIRECTORY, implied_mode(layer));
	if (fd < 0)
		return fd;
	close(fd);
	layer->result->on_implied(path, layer->result->data);
	return resolve_open(layer->root, path, O_RDONLY | O_DIRECTORY);
}

static int make_implied(struct layer *layer, const char *path, const char *name)
{
	if (mkdirat(innermost(layer), name, implied_mode(layer)) < 0)
		return -errno;
	layer->result->on_implied(path, layer->result->data);
	int fd = openat(innermost(layer), name, OPEN_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

static int open_replaced(struct layer *layer, const char *name)
{
	int r = layer_replace_whiteout(innermost(layer), name);
	if (r < 0)
		return r;
	int fd = openat(innermost(layer), name, OPEN_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

/* The directory of this path, whose parent is the innermost one that is open. */
static int open_next(struct layer *layer, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int fd = openat(innermost(layer), name, OPEN_DIRECTORY);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return make_implied(layer, path, name);
	int error = errno;
	if (error == ENOTDIR && layer_is_white(layer, innermost(layer), name))
		return open_replaced(layer, name);
	return error == ENOTDIR || error == ELOOP ? open_through_link(layer, path) : -error;
}

int layer_open_parent(struct layer *layer)
{
	char *slash = strrchr(layer->path, '/');
	size_t length = slash ? (size_t)(slash - layer->path) : 0;
	int r = 0;
	layer->base = slash ? slash + 1 : layer->path;
	while (r >= 0 && !is_on_the_way(layer, &layer->open[layer->open_count - 1], length))
		r = leave(layer);
	size_t at = layer->open[layer->open_count - 1].length;
	while (r >= 0 && at < length) {
		at += at > 0;
		at += strcspn(layer->path + at, "/");
		layer->path[at] = 0;
		r = layer_enter(layer, open_next(layer, layer->path), at, 0);
		layer->path[at] = '/';
	}
	layer->parent = innermost(layer);
	return r;
}

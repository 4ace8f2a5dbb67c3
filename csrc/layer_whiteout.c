/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whiteouts: `.wh.NAME` says that NAME of lower layers is gone, `.wh..wh..opq` that all of them are.
 * Source: image-spec layer.md, "Whiteouts"; Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
#include "layer_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char prefix[] = ".wh.";

int layer_is_whiteout(const char *base)
{
	return !strncmp(base, prefix, sizeof prefix - 1);
}

static int is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static DIR *open_directory(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? 0 : fdopendir(fd);
	if (fd >= 0 && !directory)
		close(fd);
	return directory;
}

/* Empties a directory; its depth is bounded by that of names, so this can't go on for ever. */
static int remove_below(int parent, const char *name)
{
	DIR *directory = open_directory(parent, name);
	if (!directory)
		return -errno;
	int r = 0;
	struct dirent *entry;
	while (r >= 0 && (entry = readdir(directory)))
		if (!is_dot(entry->d_name))
			r = layer_remove(dirfd(directory), entry->d_name);
	closedir(directory);
	return r;
}

int layer_remove(int directory, const char *name)
{
	if (!unlinkat(directory, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int r = remove_below(directory, name);
	if (r < 0)
		return r;
	return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int layer_note_made(struct layer *layer)
{
	struct stat there;
	if (layer->whiteouts != LAYER_REMOVE)
		return 0;
	if (!layer->inode) {
		if (fstatat(layer->parent, layer->base, &there, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		layer->inode = there.st_ino;
	}
	if (layer->made_count == layer->made_room) {
		size_t room = layer->made_room ? layer->made_room * 2 : 1024;
		void *made = realloc(layer->made, room * sizeof *layer->made);
		if (!made)
			return -ENOMEM;
		layer->made = made;
		layer->made_room = room;
	}
	layer->made[layer->made_count++] = layer->inode;
	return 0;
}

static int compare(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;
	return (x > y) - (x < y);
}

static int is_made(struct layer *layer, ino_t inode)
{
	if (layer->sorted != layer->made_count) {
		qsort(layer->made, layer->made_count, sizeof *layer->made, compare);
		layer->sorted = layer->made_count;
	}
	return layer->made_count && bsearch(&inode, layer->made, layer->made_count, sizeof inode, compare);
}

static int remove_lower(struct layer *layer, int parent, const char *name);

/* Out of a directory that this layer has left already, which keeps the time that it was given. */
static int remove_lower_below(struct layer *layer, int parent, const char *name, const struct stat *there)
{
	struct timespec times[2] = { there->st_mtim, there->st_mtim };
	int r = remove_lower(layer, parent, name);
	if (r >= 0 && utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r;
}

/* Removes what lower layers made, also in directories that this one made again. */
static int remove_lower(struct layer *layer, int parent, const char *name)
{
	DIR *directory = open_directory(parent, name);
	if (!directory)
		return -errno;
	int r = 0;
	struct dirent *entry;
	while (r >= 0 && (entry = readdir(directory))) {
		struct stat there;
		if (is_dot(entry->d_name))
			continue;
		if (fstatat(dirfd(directory), entry->d_name, &there, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
		else if (!is_made(layer, there.st_ino))
			r = layer_remove(dirfd(directory), entry->d_name);
		else if (S_ISDIR(there.st_mode))
			r = remove_lower_below(layer, dirfd(directory), entry->d_name, &there);
	}
	closedir(directory);
	return r;
}

/* Without privileges in the first user namespace overlayfs is mounted with userxattr, and looks there. */
static int set_either(int directory, const char *trusted, const char *user, const char *value)
{
	int r = fsetxattr(directory, trusted, value, strlen(value), 0);
	if (r < 0 && errno == EPERM)
		r = fsetxattr(directory, user, value, strlen(value), 0);
	return r < 0 ? -errno : 0;
}

static int set_opaque(int directory)
{
	return set_either(directory, "trusted.overlay.opaque", "user.overlay.opaque", "y");
}

/*
 * Where nothing lies below a directory, overlayfs lists it as it is, whiteouts and all, unless it has an origin: none
 * is known, but it is said that there may be one.
 */
static int make_white(struct layer *layer, const char *name)
{
	if (mknodat(layer->parent, name, S_IFCHR, 0) < 0)
		return -errno;
	return set_either(layer->parent, "trusted.overlay.origin", "user.overlay.origin", "");
}

static int is_white(const struct layer *layer, const struct stat *status)
{
	return layer->whiteouts == LAYER_OVERLAY && S_ISCHR(status->st_mode) && !status->st_rdev;
}

int layer_is_white(const struct layer *layer, int directory, const char *name)
{
	struct stat there;
	return !fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) && is_white(layer, &there);
}

int layer_make_opaque(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = set_opaque(fd);
	close(fd);
	return r;
}

int layer_replace_whiteout(int directory, const char *name)
{
	if (unlinkat(directory, name, 0) < 0 || mkdirat(directory, name, 0755) < 0)
		return -errno;
	return layer_make_opaque(directory, name);
}

int layer_white_out(struct layer *layer)
{
	const char *name = layer->base + sizeof prefix - 1;
	if (!strcmp(name, ".wh..opq"))
		return layer->whiteouts == LAYER_REMOVE ? remove_lower(layer, layer->parent, ".") :
							  set_opaque(layer->parent);
	/* Other names of this kind are what aufs keeps for itself. */
	if (layer_is_whiteout(name))
		return 0;
	if (!*name || is_dot(name))
		return layer_fail(layer, -EINVAL, "a whiteout of no name");
	int r = layer_remove(layer->parent, name);
	if (r < 0 || layer->whiteouts == LAYER_REMOVE)
		return r;
	return make_white(layer, name);
}

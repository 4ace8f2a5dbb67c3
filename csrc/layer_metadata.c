/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, extended attributes and times of what a layer's entries make. */
#include "layer_internal.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Overlayfs believes its own attributes, and the host labels files for itself. */
static int is_forbidden(const char *name)
{
	return starts_with(name, "trusted.overlay.") || starts_with(name, "user.overlay.") ||
	       !strcmp(name, "security.selinux") || !strcmp(name, "security.ima") || !strcmp(name, "security.evm");
}

static int set_attribute(struct layer *layer, int fd, const struct tar_attribute *attribute)
{
	char path[64];
	int r;
	if (is_forbidden(attribute->name)) {
		layer->result->ignored++;
		return 0;
	}
	if (fd >= 0) {
		r = fsetxattr(fd, attribute->name, attribute->value, attribute->size, 0);
	} else {
		/* There is no call for what can't be opened but by this way (setxattrat came with Linux 6.13). */
		int there = openat(layer->parent, layer->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (there < 0)
			return -errno;
		snprintf(path, sizeof path, "/proc/self/fd/%d", there);
		r = setxattr(path, attribute->name, attribute->value, attribute->size, 0);
		close(there);
	}
	if (r < 0 && errno == EOPNOTSUPP) {
		layer->result->ignored++;
		return 0;
	}
	return r < 0 ? -errno : 0;
}

static int set_attributes(struct layer *layer, int fd)
{
	struct tar_entry *entry = &layer->entry;
	int r = 0;
	for (unsigned i = 0; i < entry->attribute_count && r >= 0; i++) {
		r = set_attribute(layer, fd, &entry->attributes[i]);
		if (r < 0)
			layer_fail(layer, r, "an extended attribute can not be set");
	}
	return r;
}

static int note_time(struct layer *layer, const char *path, struct timespec time, int is_kept)
{
	if (layer->time_count == layer->time_room) {
		size_t room = layer->time_room ? layer->time_room * 2 : 256;
		void *times = realloc(layer->times, room * sizeof *layer->times);
		if (!times)
			return -ENOMEM;
		layer->times = times;
		layer->time_room = room;
	}
	char *copy = strdup(*path ? path : ".");
	if (!copy)
		return -ENOMEM;
	layer->times[layer->time_count++] = (struct directory_time){ copy, time.tv_sec, (uint32_t)time.tv_nsec, is_kept };
	return 0;
}

int layer_keep_time(struct layer *layer, const char *path)
{
	struct stat there;
	if (layer->whiteouts != LAYER_REMOVE)
		return 0;
	return fstat(layer->parent, &there) < 0 ? -errno : note_time(layer, path, there.st_mtim, 1);
}

static int set_time(struct layer *layer, int fd)
{
	struct timespec times[2] = { { layer->entry.mtime, layer->entry.mtime_ns } };
	times[1] = times[0];
	int r = fd >= 0 ? futimens(fd, times) : utimensat(layer->parent, layer->base, times, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? -errno : 0;
}

static int change_owner_and_mode(struct layer *layer, int fd)
{
	struct tar_entry *entry = &layer->entry;
	uid_t uid = (uid_t)entry->uid;
	gid_t gid = (gid_t)entry->gid;
	int r = fd >= 0 ? fchown(fd, uid, gid) : fchownat(layer->parent, layer->base, uid, gid, AT_SYMLINK_NOFOLLOW);
	/* A change of the owner clears the bits of set-id programs. */
	if (r >= 0 && fd >= 0)
		r = fchmod(fd, entry->mode);
	else if (r >= 0 && entry->type != '2')
		r = fchmodat(layer->parent, layer->base, entry->mode, 0);
	return r < 0 ? -errno : 0;
}

int layer_set_metadata(struct layer *layer, int fd)
{
	int r = change_owner_and_mode(layer, fd);
	/* ... and file capabilities. */
	if (r >= 0)
		r = set_attributes(layer, fd);
	if (r < 0)
		return r;
	struct timespec time = { layer->entry.mtime, layer->entry.mtime_ns };
	return layer->entry.type == '5' ? note_time(layer, layer->path, time, 0) : set_time(layer, fd);
}

/* Of several times that were kept the first is the one from before; of those that were asked for the last one counts. */
static int set_times(struct layer *layer, int is_kept)
{
	for (size_t n = 0; n < layer->time_count; n++) {
		const struct directory_time *time = &layer->times[is_kept ? layer->time_count - 1 - n : n];
		if (time->is_kept != is_kept)
			continue;
		struct timespec times[2] = { { time->seconds, time->nanoseconds }, { time->seconds, time->nanoseconds } };
		int fd = resolve_open(layer->root, time->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		/* A later entry, or a whiteout, may have replaced it. */
		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue;
		if (fd < 0)
			return fd;
		int r = futimens(fd, times);
		close(fd);
		if (r < 0)
			return -errno;
	}
	return 0;
}

int layer_set_times_of_directories(struct layer *layer)
{
	int r = set_times(layer, 1);
	return r < 0 ? r : set_times(layer, 0);
}

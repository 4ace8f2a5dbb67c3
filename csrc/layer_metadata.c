/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, extended attributes and times of what a layer's entries make. */
#include "layer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
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

static int set_time(struct layer *layer, int fd)
{
	struct timespec times[2] = { { layer->entry.mtime, layer->entry.mtime_ns } };
	times[1] = times[0];
	int r = fd >= 0 ? futimens(fd, times) : utimensat(layer->parent, layer->base, times, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? -errno : 0;
}

/* What is right already, as it mostly is, is not set again: the kernel would write it into its journal. */
static int change_owner_and_mode(struct layer *layer, int fd)
{
	struct tar_entry *entry = &layer->entry;
	uid_t uid = (uid_t)entry->uid;
	gid_t gid = (gid_t)entry->gid;
	struct stat there;
	int r = fd >= 0 ? fstat(fd, &there) : fstatat(layer->parent, layer->base, &there, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return -errno;
	layer->inode = there.st_ino;
	int is_other = there.st_uid != uid || there.st_gid != gid;
	if (is_other)
		r = fd >= 0 ? fchown(fd, uid, gid) : fchownat(layer->parent, layer->base, uid, gid, AT_SYMLINK_NOFOLLOW);
	/* A change of the owner clears the bits of set-id programs. */
	if (r >= 0 && entry->type != '2' && ((there.st_mode & 07777) != entry->mode || (is_other && entry->mode & 06000)))
		r = fd >= 0 ? fchmod(fd, entry->mode) : fchmodat(layer->parent, layer->base, entry->mode, 0);
	return r < 0 ? -errno : 0;
}

int layer_set_metadata(struct layer *layer, int fd)
{
	int r = change_owner_and_mode(layer, fd);
	/* ... and file capabilities. */
	if (r >= 0)
		r = set_attributes(layer, fd);
	return r < 0 || layer->entry.type == '5' ? r : set_time(layer, fd);
}

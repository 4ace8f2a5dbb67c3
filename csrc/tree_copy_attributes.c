/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_copy_internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LARGEST 65536 /* of an attribute, and of the list of their names (XATTR_SIZE_MAX, XATTR_LIST_MAX) */

int map_id(const struct tree_range *ranges, size_t count, uint32_t *id)
{
	for (size_t i = 0; i < count; i++) {
		if (*id >= ranges[i].inside && *id - ranges[i].inside < ranges[i].count) {
			*id = *id - ranges[i].inside + ranges[i].outside;
			return 0;
		}
	}
	return count ? -EOVERFLOW : 0;
}

/* Overlayfs believes its own attributes, and the host labels files for itself. */
static int is_left_out(const char *name)
{
	return !strncmp(name, "trusted.overlay.", 16) || !strncmp(name, "user.overlay.", 13) ||
	       !strcmp(name, "security.selinux") || !strcmp(name, "security.ima") || !strcmp(name, "security.evm");
}

/* Capabilities of a file are those of a user namespace: of the one whose root they name (capabilities(7)). */
static int map_capabilities(char *value, size_t *size, const struct tree_ids *ids)
{
	struct vfs_ns_cap_data data = { 0 };
	uint32_t root = 0;
	if (!ids->uid_count || *size < XATTR_CAPS_SZ_2 || *size > sizeof data)
		return 0;
	memcpy(&data, value, *size);
	uint32_t magic = le32toh(data.magic_etc);
	if ((magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_3)
		root = le32toh(data.rootid);
	int r = map_id(ids->uids, ids->uid_count, &root);
	if (r < 0)
		return r;
	data.magic_etc = htole32((magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3);
	data.rootid = htole32(root);
	memcpy(value, &data, sizeof data);
	*size = sizeof data;
	return 0;
}

/* Source: include/uapi/linux/posix_acl_xattr.h: a version, then entries of tag, permissions and id. */
static int map_acl(char *value, size_t size, const struct tree_ids *ids)
{
	for (size_t at = 4; at + 8 <= size; at += 8) {
		uint16_t tag;
		uint32_t id;
		memcpy(&tag, value + at, 2);
		memcpy(&id, value + at + 4, 4);
		id = le32toh(id);
		int r = 0;
		if (le16toh(tag) == 0x02 /* ACL_USER */)
			r = map_id(ids->uids, ids->uid_count, &id);
		else if (le16toh(tag) == 0x08 /* ACL_GROUP */)
			r = map_id(ids->gids, ids->gid_count, &id);
		if (r < 0)
			return r;
		id = htole32(id);
		memcpy(value + at + 4, &id, 4);
	}
	return 0;
}

static int map_value(const char *name, char *value, size_t *size, const struct tree_ids *ids)
{
	if (!strcmp(name, "security.capability"))
		return map_capabilities(value, size, ids);
	if (!strncmp(name, "system.posix_acl_", 17))
		return map_acl(value, *size, ids);
	return 0;
}

static int copy_attribute(const char *from, const char *to, const char *name, char *value, const struct tree_ids *ids)
{
	if (is_left_out(name))
		return 0;
	ssize_t n = getxattr(from, name, value, LARGEST);
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	size_t size = (size_t)n;
	int r = map_value(name, value, &size, ids);
	if (r < 0)
		return r;
	/* A file system that knows no attributes of this kind has files without. */
	return setxattr(to, name, value, size, 0) < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

static int copy_listed(const char *from, const char *to, const struct tree_ids *ids, char *names, char *value)
{
	ssize_t size = listxattr(from, names, LARGEST);
	if (size < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	int r = 0;
	for (char *name = names; name < names + size && r >= 0; name += strlen(name) + 1)
		r = copy_attribute(from, to, name, value, ids);
	return r;
}

/* By way of /proc: calls by descriptor want one that is open for more than its path (setxattrat came with Linux 6.13). */
static int copy_extended(int from, int to, const struct tree_ids *ids)
{
	char from_path[32], to_path[32];
	snprintf(from_path, sizeof from_path, "/proc/self/fd/%d", from);
	snprintf(to_path, sizeof to_path, "/proc/self/fd/%d", to);
	/* Most files have none. */
	ssize_t size = listxattr(from_path, NULL, 0);
	if (size <= 0)
		return size && errno != EOPNOTSUPP ? -errno : 0;
	char *room = malloc(2 * LARGEST);
	int r = room ? copy_listed(from_path, to_path, ids, room, room + LARGEST) : -ENOMEM;
	free(room);
	return r;
}

static int change_mode(int to, mode_t mode)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", to);
	return S_ISLNK(mode) || !chmod(path, mode & 07777) ? 0 : -errno;
}

int copy_attributes(int from, int to, const struct stat *status, const struct tree_ids *ids)
{
	uint32_t uid = status->st_uid, gid = status->st_gid;
	struct timespec times[2] = { status->st_atim, status->st_mtim };
	int r = map_id(ids->uids, ids->uid_count, &uid);
	if (r >= 0)
		r = map_id(ids->gids, ids->gid_count, &gid);
	if (r >= 0 && fchownat(to, "", uid, gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	/* A change of the owner clears the bits of set-id programs, and capabilities. */
	if (r >= 0)
		r = change_mode(to, status->st_mode);
	if (r >= 0)
		r = copy_extended(from, to, ids);
	if (r >= 0 && utimensat(to, "", times, AT_EMPTY_PATH) < 0)
		r = -errno;
	return r;
}

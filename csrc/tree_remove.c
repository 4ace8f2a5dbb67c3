/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MOST_ROUNDS 100

static int remove_entry(int directory, const char *name, int flags)
{
	return unlinkat(directory, name, flags) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_file(void *data, int directory, const char *name, const struct stat *status)
{
	(void)data;
	(void)status;
	return remove_entry(directory, name, 0);
}

static int remove_directory(void *data, int directory, const char *name, const struct stat *status)
{
	(void)data;
	(void)status;
	return remove_entry(directory, name, AT_REMOVEDIR);
}

int tree_remove(int directory, const char *name, struct tree_place *place)
{
	static const struct tree_visitor visitor = { .file = remove_file, .leave = remove_directory };
	place->path[0] = 0;
	int root = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0) {
		if (errno == ENOTDIR || errno == ELOOP)
			return remove_entry(directory, name, 0);
		return errno == ENOENT ? 0 : -errno;
	}
	int r = -ENOTEMPTY;
	/* Whoever filled it may be dying at this moment. */
	for (int i = 0; i < MOST_ROUNDS && r == -ENOTEMPTY; i++) {
		r = tree_walk(root, &visitor, NULL, place);
		if (r >= 0)
			r = remove_entry(directory, name, AT_REMOVEDIR);
	}
	close(root);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "inode_map.h"
#include "tree.h"

#include <errno.h>
#include <unistd.h>

struct measure {
	struct tree_usage usage;
	struct inode_map seen;
};

static void count(struct measure *measure, const struct stat *status)
{
	measure->usage.bytes += (uint64_t)status->st_blocks * 512;
	measure->usage.inodes++;
}

static int measure_file(void *data, int directory, const char *name, const struct stat *status)
{
	struct measure *measure = data;
	int is_new = 1;
	(void)directory;
	(void)name;
	if (status->st_nlink > 1 && !inode_map_entry(&measure->seen, status, &is_new))
		return -ENOMEM;
	if (is_new)
		count(measure, status);
	return 0;
}

static int measure_directory(void *data, int directory, const char *name, const struct stat *status)
{
	(void)directory;
	(void)name;
	count(data, status);
	return 0;
}

int tree_measure(int root, struct tree_usage *usage, struct tree_place *place)
{
	static const struct tree_visitor visitor = { .file = measure_file, .enter = measure_directory };
	struct measure measure = { .usage = { 0 } };
	struct stat status;
	place->path[0] = 0;
	if (fstat(root, &status) < 0)
		return -errno;
	count(&measure, &status);
	int r = tree_walk(root, &visitor, &measure, place);
	inode_map_free(&measure.seen);
	if (r >= 0)
		*usage = measure.usage;
	return r;
}

int tree_sync(int root)
{
	return syncfs(root) < 0 ? -errno : 0;
}

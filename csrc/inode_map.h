/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of files that have several names, by what identifies them. */
#ifndef FIRKIN_INODE_MAP_H
#define FIRKIN_INODE_MAP_H

#include <stddef.h>
#include <sys/stat.h>

struct inode_entry {
	dev_t device;
	ino_t inode;
	char *path; /* freed with the map; NULL where none was set */
	int is_used;
};

struct inode_map {
	struct inode_entry *entries;
	size_t count, room;
};

/* The entry of a file, `*is_new` if it was not there before; NULL without memory. */
struct inode_entry *inode_map_entry(struct inode_map *map, const struct stat *file, int *is_new);
void inode_map_free(struct inode_map *map);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "inode_map.h"

#include <stdint.h>
#include <stdlib.h>

/* A table of a power of two, at most half full, searched from the place that a multiplication spreads numbers to. */
static struct inode_entry *find(const struct inode_map *map, dev_t device, ino_t inode)
{
	size_t at = (size_t)((uint64_t)inode * 0x9e3779b97f4a7c15u >> 20) & (map->room - 1);
	while (map->entries[at].is_used && (map->entries[at].inode != inode || map->entries[at].device != device))
		at = (at + 1) & (map->room - 1);
	return &map->entries[at];
}

static int grow(struct inode_map *map)
{
	struct inode_map larger = { .room = map->room ? map->room * 2 : 256, .count = map->count };
	larger.entries = calloc(larger.room, sizeof *larger.entries);
	if (!larger.entries)
		return 0;
	for (size_t i = 0; i < map->room; i++)
		if (map->entries[i].is_used)
			*find(&larger, map->entries[i].device, map->entries[i].inode) = map->entries[i];
	free(map->entries);
	*map = larger;
	return 1;
}

struct inode_entry *inode_map_entry(struct inode_map *map, const struct stat *file, int *is_new)
{
	if (map->count * 2 >= map->room && !grow(map))
		return NULL;
	struct inode_entry *entry = find(map, file->st_dev, file->st_ino);
	*is_new = !entry->is_used;
	if (*is_new) {
		*entry = (struct inode_entry){ .device = file->st_dev, .inode = file->st_ino, .is_used = 1 };
		map->count++;
	}
	return entry;
}

void inode_map_free(struct inode_map *map)
{
	for (size_t i = 0; i < map->room; i++)
		free(map->entries[i].path);
	free(map->entries);
	*map = (struct inode_map){ 0 };
}

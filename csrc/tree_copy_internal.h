/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of tree_copy() share. */
#ifndef FIRKIN_TREE_COPY_INTERNAL_H
#define FIRKIN_TREE_COPY_INTERNAL_H

#include "tree.h"

/* The data of a file, holes left out; it is shared with `from` where that is possible. 0 or -errno. */
int copy_data(int from, int to, off_t size, int *can_share);

/*
 * Owner, attributes, mode and times of what `from` is open on, for what `to` is open on; both may be O_PATH, and
 * are symbolic links themselves then. 0 or -errno.
 */
int copy_attributes(int from, int to, const struct stat *status, const struct tree_ids *ids);

/* What an owner becomes: 0 or -EOVERFLOW. */
int map_id(const struct tree_range *ranges, size_t count, uint32_t *id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of files that a container or an image made: as deep, as wide and as odd as it likes. They are walked with one
 * descriptor, however deep; nobody else changes them meanwhile, and if somebody did the walk would end.
 */
#ifndef FIRKIN_TREE_H
#define FIRKIN_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TREE_PATH 4096

/* Called for an entry of the open `directory`; 0 or -errno, which ends the walk. */
typedef int tree_visit(void *data, int directory, const char *name, const struct stat *status);

struct tree_visitor {
	tree_visit *file;  /* what is no directory */
	tree_visit *enter; /* a directory, before what is in it; 0: nothing to do */
	tree_visit *leave; /* and after that */
};

/* Where a walk ended: the path below its root, "" for the root itself, cut if it is too long. */
struct tree_place {
	char path[TREE_PATH];
};

/* All that is below the open directory, in no certain order; 0 or -errno, -EXDEV at a mount. */
int tree_walk(int root, const struct tree_visitor *visitor, void *data, struct tree_place *place);

/* Removes a file or a directory with all that is in it; it may be gone already. 0 or -errno. */
int tree_remove(int directory, const char *name, struct tree_place *place);

struct tree_usage {
	uint64_t bytes;  /* that are allocated */
	uint64_t inodes; /* of several names of one file, one counts */
};

/* What the directory and all below it take up. 0 or -errno. */
int tree_measure(int root, struct tree_usage *usage, struct tree_place *place);

/* As a line of /proc/PID/uid_map. */
struct tree_range {
	uint32_t inside, outside, count;
};

struct tree_ids {
	const struct tree_range *uids, *gids; /* what owners become; none: they stay */
	size_t uid_count, gid_count;
};

/*
 * Copies all that is in `from`, and what `from` itself is like, into the empty directory `to`: owners, modes, times,
 * attributes, holes and hard links; the data is shared where the file system can do that. 0 or -errno, -EOVERFLOW for an
 * owner that is not mapped.
 */
int tree_copy(int from, int to, const struct tree_ids *ids, struct tree_place *place);

/* Writes all that is not on disk yet of the file system that the directory lies on. 0 or -errno. */
int tree_sync(int root);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of layer.h share. */
#ifndef FIRKIN_LAYER_INTERNAL_H
#define FIRKIN_LAYER_INTERNAL_H

#include "layer.h"

#include <sys/types.h>

struct directory_time {
	char *path;
	int64_t seconds;
	uint32_t nanoseconds;
	int is_kept; /* it is what the directory had before something was written into it */
};

struct layer {
	int root;
	enum layer_whiteouts whiteouts;
	const struct layer_limits *limits;
	struct layer_result *result;
	struct tar tar;
	struct tar_entry entry;
	char path[TAR_PATH];   /* of the entry, relative, without anything superfluous */
	char *base;            /* its last part */
	char parent_path[TAR_PATH];
	int parent;            /* the directory of that path, kept for the next entry; -1: none */
	struct directory_time *times; /* of directories, set when nothing more is written into them */
	size_t time_count, time_room;
	ino_t *made;           /* what this layer has made, which opaque whiteouts spare; the first `sorted` in order */
	size_t made_count, made_room, sorted;
};

int layer_fail(struct layer *layer, int error, const char *reason);

/* The directory of the path, made where it is missing: layer->parent. 0 or -errno. */
int layer_open_parent(struct layer *layer);
void layer_forget_parent(struct layer *layer);

/* Removes a file, or a directory with all below it; it may be missing. 0 or -errno. */
int layer_remove(int directory, const char *name);

/* A whiteout, which the entry's name says it is. 0 or -errno. */
int layer_white_out(struct layer *layer);
int layer_is_whiteout(const char *base);

/* Whether what is there is a whiteout in overlayfs's form, which this layer made. */
int layer_is_white(const struct layer *layer, int directory, const char *name);
/* A directory in the place of a whiteout hides what lower layers have below it, too. 0 or -errno. */
int layer_make_opaque(int directory, const char *name);
/* If `fd` is open on a whiteout, a directory takes its place: files that follow are in it. 0 or -errno. */
int layer_replace_whiteout(struct layer *layer, int fd, const char *path);

/* Remembers what was made, where a later opaque whiteout must spare it. 0 or -ENOMEM. */
int layer_note_made(struct layer *layer, int directory, const char *name);

/* Owner, mode, attributes and times of what the entry made. `fd` is open on it, or -1. 0 or -errno. */
int layer_set_metadata(struct layer *layer, int fd);
int layer_set_times_of_directories(struct layer *layer);
/* The directory that was opened for the next entry is one of a lower layer, maybe: it keeps its time. 0 or -errno. */
int layer_keep_time(struct layer *layer, const char *path);

#endif

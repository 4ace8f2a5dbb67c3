/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of layer.h share. */
#ifndef FIRKIN_LAYER_INTERNAL_H
#define FIRKIN_LAYER_INTERNAL_H

#include "layer.h"

#include <sys/types.h>
#include <time.h>

struct open_directory {
	int fd;
	size_t length;        /* of its path, which is the start of layer->way */
	struct timespec time; /* that it has in the end */
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
	int parent;            /* the directory that it is in: the innermost that is open when the entry begins */
	char way[TAR_PATH];    /* the path of the innermost open directory */
	struct open_directory *open; /* the root, and from there on each directory of the way */
	size_t open_count, open_room;
	ino_t inode;           /* what the entry made, 0: not known */
	ino_t *made;           /* what this layer has made, which opaque whiteouts spare; the first `sorted` in order */
	size_t made_count, made_room, sorted;
};

int layer_fail(struct layer *layer, int error, const char *reason);

/* The directory that the path's last part is in, made where it is missing: layer->parent. 0 or -errno. */
int layer_open_parent(struct layer *layer);
/*
 * Keeps the directory `fd` open, which becomes the innermost one: its path is the first `length` bytes of the entry's.
 * It gets `time` in the end, or keeps what it has. A negative `fd` is an error that is handed on. 0 or -errno.
 */
int layer_enter(struct layer *layer, int fd, size_t length, const struct timespec *time);
/* Sets the times of all open directories, and closes them. 0 or -errno. */
int layer_leave_all(struct layer *layer);
/* Closes them as they are. */
void layer_forget_all(struct layer *layer);

/* Removes a file, or a directory with all below it; it may be missing. 0 or -errno. */
int layer_remove(int directory, const char *name);

/* A whiteout, which the entry's name says it is. 0 or -errno. */
int layer_white_out(struct layer *layer);
int layer_is_whiteout(const char *base);

/* Remembers what the entry made, where a later opaque whiteout must spare it. 0 or -errno. */
int layer_note_made(struct layer *layer);

/* Whether what is there is a whiteout in overlayfs's form, which this layer made. */
int layer_is_white(const struct layer *layer, int directory, const char *name);
/* A directory in the place of a whiteout hides what lower layers have below it, too. 0 or -errno. */
int layer_make_opaque(int directory, const char *name);
/* A directory takes the place of a whiteout: files that follow are in it. 0 or -errno. */
int layer_replace_whiteout(int directory, const char *name);

/* Owner, mode, attributes of what the entry made, and the time unless it is a directory. `fd` is open on it, or -1.
 * 0 or -errno. */
int layer_set_metadata(struct layer *layer, int fd);

#endif

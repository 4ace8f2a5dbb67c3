/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing one layer of an image, a tar stream, below a directory. The stream is hostile: every name is resolved inside
 * of the directory (openat2 with RESOLVE_IN_ROOT), nothing is followed at a name's end, and all is counted.
 * Source: image-spec layer.md.
 */
#ifndef FIRKIN_LAYER_H
#define FIRKIN_LAYER_H

#include "tar.h"

#include <stdint.h>

enum layer_whiteouts {
	LAYER_OVERLAY, /* a whiteout becomes what overlayfs takes for one, in a directory of the layer's own */
	LAYER_REMOVE,  /* a whiteout removes what lower layers wrote into the same directory */
};

struct layer_limits {
	uint64_t entries;
	uint64_t bytes; /* of all files together, holes and all */
};

struct layer_result {
	uint64_t entries, bytes;
	uint64_t ignored;          /* attributes that the file system can not have, or that are not an image's to set */
	char name[TAR_PATH];       /* after an error: the entry, "" for the archive as a whole */
	const char *reason;        /* why, in words; 0 if errno says it */
	/* Called for each directory that is missing in the layer and had to be made: its path, relative to the root. */
	void (*on_implied)(const char *path, void *data);
	void *data;
};

/* 0 or -errno. */
int layer_apply(tar_source *source, void *data, int root, enum layer_whiteouts whiteouts,
		const struct layer_limits *limits, struct layer_result *result);

#endif

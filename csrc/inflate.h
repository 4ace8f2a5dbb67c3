/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive inside of a layer's blob: gzip by ISA-L, zstd by its own library, or as it is.
 * Source: RFC 1952 (gzip, several members), RFC 8878 (zstd, several and skippable frames).
 */
#ifndef FIRKIN_INFLATE_H
#define FIRKIN_INFLATE_H

#include "ring.h"

struct inflater {
	int fd;               /* the blob, read to its end */
	struct ring *ring;    /* where the archive goes */
	char *room;           /* the piece that is being filled, 0: none */
	size_t size;          /* of it so far */
	const char *problem;  /* what is wrong with the blob, after an error of -EBADMSG */
};

/* 0 or -errno; the ring is not ended. */
typedef int inflate_function(struct inflater *inflater);

/* By the name that a media type has at its end: "gzip", "zstd", "none". 0 for another one. */
inflate_function *inflate_by_name(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading tar archives as a stream: ustar, GNU and pax, with their long names, sparse files and extended attributes.
 * Nothing in an archive is trusted: all lengths are bounded, and every number is checked before it is used.
 * Source: POSIX.1-2017 pax, "ustar Interchange Format", "pax Extended Header"; GNU tar manual, "Storing Sparse Files".
 */
#ifndef FIRKIN_TAR_H
#define FIRKIN_TAR_H

#include <stddef.h>
#include <stdint.h>

#define TAR_PATH 4096
#define TAR_BLOCK 512
#define TAR_MOST_EXTENDED (1024 * 1024) /* bytes of one pax header, or of one long name */
#define TAR_MOST_ATTRIBUTES 256
#define TAR_MOST_PIECES 65536 /* of a sparse file */

struct tar_attribute {
	const char *name; /* of the extended attribute, without the pax prefix */
	const char *value;
	size_t size;
};

struct tar_piece {
	int64_t offset, size;
};

struct tar_entry {
	char name[TAR_PATH];
	char link[TAR_PATH];
	char type;          /* '0' a file, '1' a hard link, '2' a symbolic one, '3' '4' devices, '5' a directory, '6' a fifo */
	uint32_t mode;
	int64_t uid, gid;
	int64_t size;       /* of the file, holes and all */
	int64_t mtime;      /* seconds since the epoch */
	uint32_t mtime_ns;
	int64_t major, minor;
	struct tar_attribute attributes[TAR_MOST_ATTRIBUTES];
	unsigned attribute_count;
	struct tar_piece *pieces; /* of a sparse file, in order; 0 for a file without holes */
	unsigned piece_count;
};

/* The next piece of the stream, which holds until the next call: its size, 0 at the end, or -errno. */
typedef int64_t tar_source(void *data, const char **piece);

struct tar {
	tar_source *source;
	void *source_data;
	const char *piece;
	size_t at, end;      /* of the piece */
	int64_t left;        /* bytes of the entry's data that are still in the stream */
	unsigned padding;    /* behind them */
	char *extended;      /* the pax header of the entry, which its attributes point into */
	size_t extended_size;
	const char *problem; /* what is wrong with the archive, after an error of -EBADMSG */
};

void tar_open(struct tar *tar, tar_source *source, void *data);
void tar_close(struct tar *tar);

/* The next entry, what is left of the one before is skipped: 1, 0 at the end of the archive, or -errno. */
int tar_next(struct tar *tar, struct tar_entry *entry);

/* Some of the entry's data, straight from the stream's piece: their number, 0 at its end, or -errno. */
int64_t tar_data(struct tar *tar, const char **data, int64_t most);

/* Takes the stream to its end: 0 or -errno. */
int tar_drain(struct tar *tar);

#endif

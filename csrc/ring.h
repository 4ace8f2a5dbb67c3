/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a stream that one thread makes and others read, each reader all of them in their order. What is in memory
 * is bounded: who makes pieces waits for the slowest reader.
 */
#ifndef FIRKIN_RING_H
#define FIRKIN_RING_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define RING_PIECES 4
#define RING_PIECE (1024 * 1024) /* bytes of a piece at most: large writes get large folios of the page cache */
#define RING_READERS 2

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char *memory;
	size_t sizes[RING_PIECES];
	uint64_t made;               /* pieces so far */
	uint64_t read[RING_READERS]; /* pieces that each reader is done with */
	int is_reading[RING_READERS];
	int end;                     /* 1: all pieces are made; -errno: no more come, for that reason */
};

/* 0 or -ENOMEM. */
int ring_open(struct ring *ring);
void ring_close(struct ring *ring);

/* Room for RING_PIECE bytes, which become a piece by ring_add. Waits until there is some. */
char *ring_room(struct ring *ring);
void ring_add(struct ring *ring, size_t size);

/* No more pieces: `error` is 0, or the -errno that every reader shall get behind the last one. */
void ring_end(struct ring *ring, int error);

/* The next piece, which holds until the next call: its size, 0 at the end, or -errno. */
int64_t ring_next(struct ring *ring, unsigned reader, const char **piece);

#endif

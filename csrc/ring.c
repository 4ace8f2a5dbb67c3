/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ring_open(struct ring *ring)
{
	memset(ring, 0, sizeof *ring);
	ring->memory = malloc((size_t)RING_PIECES * RING_PIECE);
	if (!ring->memory)
		return -ENOMEM;
	pthread_mutex_init(&ring->lock, 0);
	pthread_cond_init(&ring->changed, 0);
	return 0;
}

void ring_close(struct ring *ring)
{
	pthread_cond_destroy(&ring->changed);
	pthread_mutex_destroy(&ring->lock);
	free(ring->memory);
}

static char *piece_at(const struct ring *ring, uint64_t number)
{
	return ring->memory + number % RING_PIECES * RING_PIECE;
}

static int is_full(const struct ring *ring)
{
	for (unsigned i = 0; i < RING_READERS; i++)
		if (ring->made - ring->read[i] == RING_PIECES)
			return 1;
	return 0;
}

char *ring_room(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (is_full(ring))
		pthread_cond_wait(&ring->changed, &ring->lock);
	pthread_mutex_unlock(&ring->lock);
	return piece_at(ring, ring->made);
}

void ring_add(struct ring *ring, size_t size)
{
	pthread_mutex_lock(&ring->lock);
	ring->sizes[ring->made++ % RING_PIECES] = size;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

void ring_end(struct ring *ring, int error)
{
	pthread_mutex_lock(&ring->lock);
	ring->end = error ? error : 1;
	pthread_cond_broadcast(&ring->changed);
	pthread_mutex_unlock(&ring->lock);
}

int64_t ring_next(struct ring *ring, unsigned reader, const char **piece)
{
	int64_t size = 0;
	pthread_mutex_lock(&ring->lock);
	if (ring->is_reading[reader]) {
		ring->is_reading[reader] = 0;
		ring->read[reader]++;
		pthread_cond_broadcast(&ring->changed);
	}
	uint64_t number = ring->read[reader];
	while (number == ring->made && !ring->end)
		pthread_cond_wait(&ring->changed, &ring->lock);
	if (number < ring->made) {
		ring->is_reading[reader] = 1;
		*piece = piece_at(ring, number);
		size = (int64_t)ring->sizes[number % RING_PIECES];
	} else if (ring->end < 0) {
		size = ring->end;
	}
	pthread_mutex_unlock(&ring->lock);
	return size;
}

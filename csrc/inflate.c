/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define INPUT (256 * 1024)
#define HEADROOM 8 /* bytes that ISA-L may have taken ahead, before the input */
#define WINDOW_LOG 27 /* of zstd: what `zstd --long` makes without further options */

static int wrong(struct inflater *inflater, const char *problem)
{
	inflater->problem = problem;
	return -EBADMSG;
}

static ssize_t read_some(int fd, void *to, size_t most)
{
	ssize_t n;
	do
		n = read(fd, to, most);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static char *room(struct inflater *inflater, size_t *left)
{
	if (!inflater->room) {
		inflater->room = ring_room(inflater->ring);
		inflater->size = 0;
	}
	*left = RING_PIECE - inflater->size;
	return inflater->room + inflater->size;
}

static void flush(struct inflater *inflater)
{
	if (inflater->room && inflater->size)
		ring_add(inflater->ring, inflater->size);
	inflater->room = 0;
}

static void add(struct inflater *inflater, size_t size)
{
	inflater->size += size;
	if (inflater->size == RING_PIECE)
		flush(inflater);
}

static int copy(struct inflater *inflater)
{
	for (;;) {
		size_t left;
		char *to = room(inflater, &left);
		ssize_t n = read_some(inflater->fd, to, left);
		if (n <= 0) {
			flush(inflater);
			return (int)n;
		}
		add(inflater, (size_t)n);
	}
}

struct gzip {
	struct inflate_state state;
	int is_inside; /* of a member */
	uint8_t input[HEADROOM + INPUT];
};

/* Begins the member that comes next, if one does. What is behind the last one may be null bytes. */
static void begin_member(struct gzip *gzip)
{
	struct inflate_state *state = &gzip->state;
	while (state->avail_in && !*state->next_in) {
		state->next_in++;
		state->avail_in--;
	}
	if (!state->avail_in)
		return;
	isal_inflate_reset(state);
	state->crc_flag = ISAL_GZIP;
	gzip->is_inside = 1;
}

/* What was taken ahead belongs to what follows. */
static void end_member(struct gzip *gzip)
{
	struct inflate_state *state = &gzip->state;
	for (int left = state->read_in_length / 8; left > 0; left--) {
		*--state->next_in = (uint8_t)(state->read_in >> 8 * (left - 1));
		state->avail_in++;
	}
	gzip->is_inside = 0;
}

static int inflate_member(struct inflater *inflater, struct gzip *gzip)
{
	struct inflate_state *state = &gzip->state;
	do {
		size_t left;
		state->next_out = (uint8_t *)room(inflater, &left);
		state->avail_out = (uint32_t)left;
		if (isal_inflate(state) != ISAL_DECOMP_OK)
			return wrong(inflater, "is no gzip data, or it is damaged");
		add(inflater, left - state->avail_out);
		if (state->block_state == ISAL_BLOCK_FINISH) {
			end_member(gzip);
			return 0;
		}
	} while (state->avail_in || !state->avail_out);
	return 0;
}

static int gunzip(struct inflater *inflater, struct gzip *gzip)
{
	struct inflate_state *state = &gzip->state;
	for (;;) {
		ssize_t n = read_some(inflater->fd, gzip->input + HEADROOM, INPUT);
		if (n < 0)
			return (int)n;
		if (!n)
			return gzip->is_inside ? wrong(inflater, "its gzip data is cut off") : 0;
		state->next_in = gzip->input + HEADROOM;
		state->avail_in = (uint32_t)n;
		while (state->avail_in) {
			if (!gzip->is_inside)
				begin_member(gzip);
			int r = gzip->is_inside ? inflate_member(inflater, gzip) : 0;
			if (r < 0)
				return r;
		}
	}
}

static int inflate_gzip(struct inflater *inflater)
{
	struct gzip *gzip = malloc(sizeof *gzip);
	if (!gzip)
		return -ENOMEM;
	isal_inflate_init(&gzip->state);
	gzip->is_inside = 0;
	int r = gunzip(inflater, gzip);
	flush(inflater);
	free(gzip);
	return r;
}

/* All that comes out of the input: the bytes of the frame that are still missing, as the library guesses; 0: none. */
static int inflate_frames(struct inflater *inflater, ZSTD_DStream *stream, ZSTD_inBuffer *input, size_t *missing)
{
	ZSTD_outBuffer output;
	do {
		output = (ZSTD_outBuffer){ .pos = 0 };
		output.dst = room(inflater, &output.size);
		*missing = ZSTD_decompressStream(stream, &output, input);
		if (ZSTD_isError(*missing))
			return wrong(inflater, "is no zstd data, or it is damaged");
		add(inflater, output.pos);
	} while (input->pos < input->size || (*missing && output.pos == output.size));
	return 0;
}

static int unzstd(struct inflater *inflater, ZSTD_DStream *stream, char *buffer)
{
	size_t missing = 0;
	for (;;) {
		ssize_t n = read_some(inflater->fd, buffer, INPUT);
		if (n < 0)
			return (int)n;
		if (!n)
			return missing ? wrong(inflater, "its zstd data is cut off") : 0;
		ZSTD_inBuffer input = { buffer, (size_t)n, 0 };
		int r = inflate_frames(inflater, stream, &input, &missing);
		if (r < 0)
			return r;
	}
}

static int inflate_zstd(struct inflater *inflater)
{
	char *buffer = malloc(INPUT);
	ZSTD_DStream *stream = ZSTD_createDStream();
	int r = -ENOMEM;
	if (buffer && stream && !ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG)))
		r = unzstd(inflater, stream, buffer);
	flush(inflater);
	ZSTD_freeDStream(stream);
	free(buffer);
	return r;
}

inflate_function *inflate_by_name(const char *name)
{
	if (!strcmp(name, "gzip"))
		return inflate_gzip;
	if (!strcmp(name, "zstd"))
		return inflate_zstd;
	return strcmp(name, "none") ? 0 : copy;
}

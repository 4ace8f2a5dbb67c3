/* SPDX-License-Identifier: Apache-2.0 */
/* The stream that an archive is: blocks, data, what pads it. */
#include "tar_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tar_wrong(struct tar *tar, const char *problem)
{
	tar->problem = problem;
	return -EBADMSG;
}

void tar_open(struct tar *tar, tar_source *source, void *data)
{
	memset(tar, 0, sizeof *tar);
	tar->source = source;
	tar->source_data = data;
}

void tar_close(struct tar *tar)
{
	free(tar->extended);
}

/* At least one byte in the piece: 1, 0 at the end of the stream, or -errno. */
static int fill(struct tar *tar)
{
	if (tar->at < tar->end)
		return 1;
	int64_t n = tar->source(tar->source_data, &tar->piece);
	if (n < 0)
		return (int)n;
	tar->at = 0;
	tar->end = (size_t)n;
	return n > 0;
}

int64_t tar_data(struct tar *tar, const char **data, int64_t most)
{
	if (most > tar->left)
		most = tar->left;
	if (!most)
		return 0;
	int r = fill(tar);
	if (r <= 0)
		return r ? r : tar_wrong(tar, "the archive ends inside of a file");
	int64_t n = (int64_t)(tar->end - tar->at);
	if (n > most)
		n = most;
	*data = tar->piece + tar->at;
	tar->at += (size_t)n;
	tar->left -= n;
	return n;
}

static int skip(struct tar *tar)
{
	const char *data;
	tar->left += tar->padding;
	tar->padding = 0;
	for (;;) {
		int64_t n = tar_data(tar, &data, INT64_MAX);
		if (n <= 0)
			return (int)n;
	}
}

int tar_copy_data(struct tar *tar, char *to, int64_t size)
{
	while (size) {
		const char *data;
		int64_t n = tar_data(tar, &data, size);
		if (n <= 0)
			return n ? (int)n : tar_wrong(tar, "an extended header is shorter than it says");
		memcpy(to, data, (size_t)n);
		to += n;
		size -= n;
	}
	return 0;
}

void tar_begin_data(struct tar *tar, int64_t size)
{
	tar->left = size;
	tar->padding = (unsigned)(-size & (TAR_BLOCK - 1));
}

/* The next block: 1, 0 at the end of the stream, -errno. */
int tar_read_block(struct tar *tar, void *block)
{
	int r = skip(tar);
	if (r < 0)
		return r;
	r = fill(tar);
	if (r <= 0)
		return r;
	tar_begin_data(tar, TAR_BLOCK);
	r = tar_copy_data(tar, block, TAR_BLOCK);
	return r < 0 ? r : 1;
}

int tar_drain(struct tar *tar)
{
	int r;
	tar->at = tar->end;
	while ((r = fill(tar)) > 0)
		tar->at = tar->end;
	return r;
}

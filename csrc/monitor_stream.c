/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_stream.h"
#include "syscalls.h"

#include <errno.h>

static void move_to_front(struct stream *stream)
{
	uint32_t size = stream->end - stream->start;
	for (uint32_t i = 0; stream->start && i < size; i++)
		stream->data[i] = stream->data[stream->start + i];
	stream->scanned -= stream->start;
	stream->start = 0;
	stream->end = size;
}

long stream_read(struct stream *stream, const char **data)
{
	long n;
	move_to_front(stream);
	*data = stream->data + stream->end;
	do
		n = sys_read(stream->fd, stream->data + stream->end, STREAM_BUFFER - stream->end);
	while (n == -EINTR);
	if (n == -EAGAIN)
		return n;
	/* A terminal that nobody holds any more answers EIO. */
	if (n <= 0)
		return 0;
	stream->end += (uint32_t)n;
	return n;
}

/* The place of the next line's end, or the end of what there is. */
static uint32_t find_end(const struct stream *stream)
{
	uint32_t at = stream->scanned;
	while (at < stream->end && stream->data[at] != '\n')
		at++;
	return at;
}

/* Logs the first bytes of the line as parts, as long as more than `max_line` of `size` are left. */
static uint32_t log_parts(struct stream *stream, struct log *log, uint32_t max_line, uint32_t size)
{
	for (; size > max_line; size -= max_line) {
		log_add(log, 1, stream->data + stream->start, max_line);
		stream->start += max_line;
	}
	return size;
}

static int ends_in_return(const struct stream *stream, uint32_t end)
{
	return end > stream->start && stream->data[end - 1] == '\r';
}

static void log_line(struct stream *stream, struct log *log, uint32_t max_line, uint32_t end)
{
	uint32_t size = end - stream->start - (uint32_t)ends_in_return(stream, end);
	size = log_parts(stream, log, max_line, size);
	log_add(log, 0, stream->data + stream->start, size);
	stream->start = stream->scanned = end + 1;
}

void stream_log(struct stream *stream, struct log *log, uint32_t max_line, int ended)
{
	uint32_t end;
	log_begin(log, stream->id);
	while ((end = find_end(stream)) < stream->end)
		log_line(stream, log, max_line, end);
	stream->scanned = stream->end;
	/* A carriage return at the end may be that of a line's end. */
	uint32_t size = stream->end - stream->start - (uint32_t)(!ended && ends_in_return(stream, stream->end));
	size = log_parts(stream, log, max_line, size);
	if (ended && size) {
		log_add(log, 1, stream->data + stream->start, size);
		stream->start = stream->end;
	}
	log_write(log);
}

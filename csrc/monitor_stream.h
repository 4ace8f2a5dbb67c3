/* SPDX-License-Identifier: Apache-2.0 */
/* What the container writes: read in pieces, split into lines for the log. */
#ifndef FIRKIN_MONITOR_STREAM_H
#define FIRKIN_MONITOR_STREAM_H

#include "monitor_log.h"

/* A line that is not complete yet, with a carriage return that may belong to its end, leaves room for a read. */
#define STREAM_BUFFER (2 * MONITOR_MAX_LINE)

struct stream {
	int fd; /* does not block; -1 once it has ended */
	enum log_stream id;
	uint32_t start;   /* of the line that is not complete */
	uint32_t scanned; /* up to here it has no end */
	uint32_t end;
	char data[STREAM_BUFFER];
};

/*
 * Reads once. The number of bytes, which are at `*data` until the next read; 0 at the end of the stream, -EAGAIN if
 * nothing is there.
 */
long stream_read(struct stream *stream, const char **data);

/* Logs the lines that are complete now, and what is longer than `max_line`; the rest too if the stream has `ended`. */
void stream_log(struct stream *stream, struct log *log, uint32_t max_line, int ended);

#endif

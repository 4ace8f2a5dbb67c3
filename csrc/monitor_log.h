/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's log, in the format of CRI: a record is a line "TIME stdout|stderr P|F content". P marks a part of a
 * line that goes on in the next record of its stream.
 *
 * A file holds whole records only: what a write that fell short has left of one is taken back. Records that can not be
 * written are counted and dropped, and as soon as something can be written again a record says so.
 */
#ifndef FIRKIN_MONITOR_LOG_H
#define FIRKIN_MONITOR_LOG_H

#include "monitor.h"
#include "monitor_time.h"

#include <sys/uio.h>

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_STREAMS };

#define LOG_RECORDS 128 /* in one write */
#define LOG_RECORD_PARTS 3 /* head, content, the line's end */
#define LOG_HEAD (STAMP_LENGTH + sizeof " stdout F " - 1)

struct log {
	int directory; /* -1: no log is kept */
	int fd;
	char name[MONITOR_NAME];
	enum log_stream notices; /* where what this program has to say belongs */

	enum log_stream stream; /* of the records that are being added */
	int has_heads;
	char whole[LOG_HEAD], part[LOG_HEAD]; /* the two heads of these records */
	unsigned count;
	struct iovec parts[LOG_RECORDS * LOG_RECORD_PARTS];

	int64_t lost_records, lost_bytes; /* in all */
	int64_t untold_records, untold_bytes; /* of these, what no notice tells yet */
	int error;       /* errno of the last loss, 0 when all is well again */
	int torn;        /* the file ends in the middle of a record */
	uint8_t goes_on[LOG_STREAMS]; /* the last record in the file is a part */
	uint8_t broken[LOG_STREAMS];  /* ... and what would end the line is lost */
};

/* Opens the file, making it if need be; one that is open already is closed if that succeeds. 0 or -errno. */
int log_open(struct log *log);

/* Begins to add records of a stream. Their content stays the caller's until log_write(). */
void log_begin(struct log *log, enum log_stream stream);
void log_add(struct log *log, int is_part, const char *data, size_t size);

/* Writes what was added, and what there is to tell. */
void log_write(struct log *log);

#endif

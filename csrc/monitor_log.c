/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_log.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>

#define FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC)
#define MODE 0640
#define SEEK_CURRENT 1

static int check_regular(int fd)
{
	struct statx s = { 0 };
	long r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &s);
	if (r < 0)
		return (int)r;
	return (s.stx_mode & 0170000) == 0100000 ? 0 : -EINVAL;
}

int log_open(struct log *log)
{
	if (log->directory < 0)
		return -ENOENT;
	/* The open of what is no file must not wait. */
	long fd = sys_openat(log->directory, log->name, FLAGS | O_NONBLOCK, MODE);
	int r = fd < 0 ? (int)fd : check_regular((int)fd);
	if (r < 0) {
		if (fd >= 0)
			sys_close(fd);
		return r;
	}
	if (log->fd >= 0)
		sys_close(log->fd);
	log->fd = (int)fd;
	log->torn = 0;
	return 0;
}

static void put_head(char *to, const char *stamp, enum log_stream stream, char tag)
{
	const char *name = stream == LOG_STDOUT ? " stdout " : " stderr ";
	for (unsigned i = 0; i < STAMP_LENGTH; i++)
		*to++ = stamp[i];
	while (*name)
		*to++ = *name++;
	*to++ = tag;
	*to = ' ';
}

/* One time for all records of a batch: what was read at once was there at once. */
static void make_heads(struct log *log)
{
	char stamp[STAMP_LENGTH];
	time_stamp(stamp, time_now());
	put_head(log->whole, stamp, log->stream, 'F');
	put_head(log->part, stamp, log->stream, 'P');
	log->has_heads = 1;
}

void log_begin(struct log *log, enum log_stream stream)
{
	log->stream = stream;
	log->has_heads = 0;
}

void log_add(struct log *log, int is_part, const char *data, size_t size)
{
	if (log->directory < 0)
		return;
	if (log->count == LOG_RECORDS)
		log_write(log);
	if (!log->has_heads)
		make_heads(log);
	struct iovec *parts = &log->parts[log->count++ * LOG_RECORD_PARTS];
	parts[0] = (struct iovec){ is_part ? log->part : log->whole, LOG_HEAD };
	parts[1] = (struct iovec){ (void *)(uintptr_t)data, size };
	parts[2] = (struct iovec){ (void *)(uintptr_t)"\n", 1 };
}

/* Takes the last bytes back, which this program has just written. */
static void take_back(struct log *log, long bytes)
{
	long end = sys_lseek(log->fd, 0, SEEK_CURRENT);
	log->torn |= end < bytes || sys_ftruncate(log->fd, end - bytes) < 0;
}

static const char *reason(int error)
{
	switch (error) {
	case ENOSPC:
		return "no space left on device";
	case EDQUOT:
		return "disk quota exceeded";
	case EFBIG:
		return "file too large";
	case EIO:
		return "input/output error";
	default:
		return "write error";
	}
}

static void append_head(char *to, size_t room, enum log_stream stream)
{
	char stamp[STAMP_LENGTH], head[LOG_HEAD + 1];
	time_stamp(stamp, time_now());
	put_head(head, stamp, stream, 'F');
	head[LOG_HEAD] = 0;
	text_append(to, room, head);
}

/* Ends the line that the file ends in the middle of, if it does, then tells what is missing. */
static size_t write_notice(const struct log *log, char *to, size_t room)
{
	text_copy(to, room, log->torn ? "\n" : "");
	for (unsigned i = 0; i < LOG_STREAMS; i++) {
		if (!log->broken[i])
			continue;
		append_head(to, room, i);
		text_append(to, room, "\n");
	}
	if (!log->untold_records)
		return text_length(to);
	append_head(to, room, log->notices);
	text_append(to, room, "firkin: lost here: ");
	text_append_number(to, room, (uint64_t)log->untold_records);
	text_append(to, room, " records, ");
	text_append_number(to, room, (uint64_t)log->untold_bytes);
	text_append(to, room, " bytes: ");
	text_append(to, room, reason(log->error));
	return text_append(to, room, "\n");
}

/* 0 or -errno. */
static int tell_loss(struct log *log)
{
	char notice[512];
	if (!log->untold_records && !log->torn)
		return 0;
	size_t size = write_notice(log, notice, sizeof notice);
	long n = sys_write(log->fd, notice, size);
	if (n != (long)size) {
		if (n > 0)
			take_back(log, n);
		return n < 0 ? (int)n : -ENOSPC;
	}
	log->untold_records = log->untold_bytes = log->error = log->torn = 0;
	for (unsigned i = 0; i < LOG_STREAMS; i++) {
		log->goes_on[i] &= !log->broken[i];
		log->broken[i] = 0;
	}
	return 0;
}

static size_t record_size(const struct log *log, unsigned record)
{
	return LOG_HEAD + log->parts[record * LOG_RECORD_PARTS + 1].iov_len + 1;
}

/* One write; 0 or -errno, and how many records are written. */
static int write_some(struct log *log, unsigned *done)
{
	unsigned before = *done, left = log->count - before;
	long n = sys_writev(log->fd, &log->parts[before * LOG_RECORD_PARTS], left * LOG_RECORD_PARTS);
	if (n < 0)
		return (int)n;
	while (*done < log->count && (size_t)n >= record_size(log, *done)) {
		log->goes_on[log->stream] = log->parts[*done * LOG_RECORD_PARTS].iov_base == log->part;
		n -= (long)record_size(log, (*done)++);
	}
	if (n)
		take_back(log, n);
	return *done > before ? 0 : -ENOSPC;
}

static void lose(struct log *log, unsigned first, int error)
{
	log->error = -error;
	for (unsigned i = first; i < log->count; i++) {
		size_t size = log->parts[i * LOG_RECORD_PARTS + 1].iov_len;
		log->lost_records++;
		log->untold_records++;
		log->lost_bytes += (int64_t)size;
		log->untold_bytes += (int64_t)size;
	}
	log->broken[log->stream] |= first < log->count && log->goes_on[log->stream];
}

void log_write(struct log *log)
{
	unsigned done = 0;
	int error = tell_loss(log);
	while (!error && done < log->count) {
		error = write_some(log, &done);
		if (!error)
			error = tell_loss(log);
	}
	if (error)
		lose(log, done, error);
	log->count = 0;
}

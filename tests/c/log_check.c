/* SPDX-License-Identifier: Apache-2.0 */
#include "log_check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct log check_log;

void open_log(const char *name)
{
	if (check_log.fd > 2)
		close(check_log.fd);
	memset(&check_log, 0, sizeof check_log);
	check_log.directory = check_directory_fd();
	check_log.fd = -1;
	check_log.notices = LOG_STDERR;
	strcpy(check_log.name, name);
	CHECK_EQUAL(log_open(&check_log), 0);
}

static char *read_file(const char *name)
{
	static char text[1 << 20];
	int fd = openat(check_directory_fd(), name, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof text - 1);
	CHECK(n >= 0 && n < (ssize_t)sizeof text - 1);
	close(fd);
	text[n] = 0;
	return text;
}

/* The time at the beginning of a line, which must be about now. */
static const char *skip_time(const char *line)
{
	struct tm tm = { 0 };
	const char *end = strptime(line, "%Y-%m-%dT%H:%M:%S.", &tm);
	CHECK(end);
	CHECK(labs(timegm(&tm) - time(NULL)) < 3600);
	CHECK_EQUAL(strspn(end, "0123456789"), 9);
	CHECK_EQUAL(end[9], 'Z');
	CHECK_EQUAL(end[10], ' ');
	return end + 11;
}

const char *records_of(const char *name)
{
	static char records[1 << 20];
	char *line = read_file(name), *to = records;
	while (*line) {
		char *end = strchr(line, '\n');
		CHECK(end);
		const char *rest = skip_time(line);
		memcpy(to, rest, (size_t)(end + 1 - rest));
		to += end + 1 - rest;
		line = end + 1;
	}
	*to = 0;
	return records;
}

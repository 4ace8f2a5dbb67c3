/* SPDX-License-Identifier: Apache-2.0 */
/* The home directory of the user, by the container's own /etc/passwd: a file like any other of a hostile image. */
#include "child.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>

#define LARGEST (1 << 20)
#define NAME 5 /* of "HOME=" */

struct reader {
	int fd;
	unsigned at, filled, total;
	char buffer[1024];
};

/* The next byte, or -1 at the end. */
static int next_byte(struct reader *reader)
{
	if (reader->at == reader->filled) {
		long n;
		do
			n = sys_read(reader->fd, reader->buffer, sizeof reader->buffer);
		while (n == -EINTR);
		if (n <= 0 || reader->total > LARGEST)
			return -1;
		reader->at = 0;
		reader->filled = (unsigned)n;
		reader->total += (unsigned)n;
	}
	return (unsigned char)reader->buffer[reader->at++];
}

/* One line, cut at its end; 0 at the end of the file. A line that has no room is empty. */
static int next_line(struct reader *reader, char *line, size_t room)
{
	size_t length = 0;
	int c = next_byte(reader), ended = c < 0;
	for (; c >= 0 && c != '\n'; c = next_byte(reader))
		if (length < room)
			line[length++] = (char)c;
	line[length < room ? length : 0] = 0;
	return !ended;
}

/* A field of a line, counted from 0, with its end put there; 0 if there are not as many. */
static char *field_of(char *line, int number)
{
	for (; number; line++) {
		if (!*line)
			return 0;
		number -= *line == ':';
	}
	char *end = line;
	while (*end && *end != ':')
		end++;
	*end = 0;
	return line;
}

static int is_number(const char *text)
{
	if (!*text)
		return 0;
	while (*text >= '0' && *text <= '9')
		text++;
	return !*text;
}

static void find_home(int fd, uint64_t uid, char *home, size_t room)
{
	struct reader reader = { .fd = fd };
	char line[512];
	while (next_line(&reader, line, sizeof line)) {
		/* From behind, as each field is cut off there. */
		char *directory = field_of(line, 5);
		char *id = directory ? field_of(line, 2) : 0;
		if (!id || !is_number(id) || (uint64_t)text_number(id) != uid)
			continue;
		if (directory[0] == '/' && text_length(directory) < room)
			text_copy(home, room, directory);
		return;
	}
}

int op_home(struct run *run, const struct plan_op *op)
{
	/* The plan is mapped privately, and this text is there to be written over. */
	char *variable = (char *)(uintptr_t)run_text(run, op->arg[1]);
	size_t length = text_length(variable);
	struct statx s = { 0 };
	if (length < NAME + 1)
		return -EINVAL;
	size_t room = length - NAME;
	text_copy(variable + NAME, room, "/");
	long fd = sys_openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (!sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &s) && (s.stx_mode & 0170000) == 0100000)
		find_home((int)fd, op->arg[0], variable + NAME, room);
	sys_close(fd);
	return 0;
}

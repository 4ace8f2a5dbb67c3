/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of the page cache: a file, or a block device, that is read through it. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

static int read_part(int file, unsigned long start, unsigned long end)
{
	static char buffer[CHUNK];
	while (start < end) {
		unsigned long left = end - start;
		ssize_t got = pread(file, buffer, left < CHUNK ? left : CHUNK, (off_t)start);
		if (got <= 0)
			return got ? errno : ENODATA;
		start += (unsigned long)got;
	}
	return 0;
}

/* The part from `start` to before `end`, so many times; then it has it in the cache as far as it is left to it. */
static int read_rounds(char **arguments)
{
	unsigned long start = load_number(arguments[1]), end = load_number(arguments[2]);
	unsigned long rounds = load_number(arguments[3]);
	int file = open(arguments[0], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return load_failed(arguments[0], errno);
	/* Nothing beyond it is read ahead. */
	posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
	for (unsigned long round = 0; round < rounds; round++) {
		int error = read_part(file, start, end);
		if (error)
			return load_failed(arguments[0], error);
	}
	load_say("read %lu", rounds);
	load_rest();
}

const struct load load_read = {"read", "PATH START END ROUNDS", 4, read_rounds};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that reading statistics can cost: the same system calls in a loop, and nothing made of what is read.
 *
 *     accounting_floor keep|open LIST
 *
 * LIST has a path in each line. With `keep` all files are opened once, else in each pass. For each byte on standard
 * input it makes one pass and prints how many nanoseconds that took.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct file {
	char *path;
	int fd;
};

static struct file *files;
static size_t count;

static void load(const char *list, int keep)
{
	FILE *stream = fopen(list, "r");
	if (!stream)
		err(1, "%s", list);
	char *line = NULL;
	size_t room = 0;
	while (getline(&line, &room, stream) > 0) {
		line[strcspn(line, "\n")] = 0;
		files = realloc(files, (count + 1) * sizeof *files);
		if (!files)
			err(1, "realloc");
		files[count] = (struct file){ strdup(line), keep ? open(line, O_RDONLY | O_CLOEXEC) : -1 };
		if (keep && files[count].fd < 0)
			err(1, "%s", line);
		count++;
	}
	free(line);
	fclose(stream);
}

static long long pass(int keep)
{
	static char buffer[65536];
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (size_t i = 0; i < count; i++) {
		int fd = keep ? files[i].fd : open(files[i].path, O_RDONLY | O_CLOEXEC);
		if (pread(fd, buffer, sizeof buffer, 0) < 0)
			err(1, "%s", files[i].path);
		if (!keep)
			close(fd);
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	return (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: accounting_floor keep|open LIST");
	int keep = strcmp(argv[1], "keep") == 0;
	load(argv[2], keep);
	char byte;
	while (read(0, &byte, 1) == 1) {
		printf("%lld\n", pass(keep));
		fflush(stdout);
	}
	return 0;
}

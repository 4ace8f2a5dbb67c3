/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-plan FILE [DESCRIPTOR]: runs a plan that was saved to a file, waits for its process and exits with its
 * status. The process's id and a line feed are written to the descriptor, which closes without them if the plan fails.
 * firkin-init is looked for beside this program.
 */
#include "process.h"
#include "spawn.h"
#include "standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	char *data = NULL;
	if (!fseek(file, 0, SEEK_END) && ftell(file) > 0) {
		*size = (size_t)ftell(file);
		rewind(file);
		data = malloc(*size);
		if (data && fread(data, 1, *size, file) != *size) {
			free(data);
			data = NULL;
		}
	}
	fclose(file);
	return data;
}

static int load_init(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n < 0)
		return -1;
	path[n] = 0;
	char *slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + sizeof "/firkin-init" > sizeof path)
		return -1;
	strcpy(slash, "/firkin-init");
	return spawn_load_init(path);
}

static void tell(int fd, int pid)
{
	if (fd < 0)
		return;
	if (pid)
		dprintf(fd, "%d\n", pid);
	close(fd);
}

/* 0, or -1 if the text is no descriptor that is open. None of it is for the container's process. */
static int take_descriptor(const char *text, int *fd)
{
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || *end || end == text || number < 3 || number > INT_MAX || fcntl((int)number, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	*fd = (int)number;
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const sections[] = { "parent", "child", "undo" };
	struct spawn_outcome outcome;
	size_t size = 0;
	int told = -1;
	open_standard_streams();
	/* Children of a process that ignores it leave no exit status. */
	signal(SIGCHLD, SIG_DFL);
	/* The process of a plan that has another runtime make it becomes a child of this one. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (argc < 2 || argc > 3 || (argc == 3 && take_descriptor(argv[2], &told) < 0)) {
		fprintf(stderr, "usage: firkin-plan FILE [DESCRIPTOR]\n");
		return 2;
	}
	char *plan = read_file(argv[1], &size);
	if (!plan) {
		fprintf(stderr, "firkin-plan: %s: cannot be read\n", argv[1]);
		return 1;
	}
	int init = load_init();
	int r = init < 0 ? init : spawn_plan(plan, size, init, 0, &outcome);
	free(plan);
	if (init < 0 || (r < 0 && outcome.section < 0)) {
		fprintf(stderr, "firkin-plan: %s: %s\n", init < 0 ? "firkin-init" : argv[1], strerror(-r));
		return 1;
	}
	if (r < 0) {
		fprintf(stderr, "firkin-plan: %s operation %u: %s%s%s\n", sections[outcome.section], outcome.op,
			strerror(-r), *outcome.detail ? ": " : "", outcome.detail);
		return 1;
	}
	tell(told, outcome.pid);
	int status = outcome.pidfd < 0 ? 0 : process_wait(outcome.pidfd, -1);
	return status < 0 ? 1 : status < 256 ? status : 128 + status - 256;
}

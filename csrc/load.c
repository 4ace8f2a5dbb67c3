/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-load PARENT LOAD ARGUMENT...: what experiments with cgroups put into them.
 *
 * PARENT is who started it, and it dies with them, as its children die with it; else it runs until it is killed.
 */
#include "load.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct load *const loads[] = {
	&load_spin,
	&load_hold,
	&load_grow,
	&load_huge,
	&load_read,
	&load_block,
	&load_undo,
	&load_fork,
	&load_clock,
	&load_request,
	&load_request_from_period,
};

enum { LOADS = sizeof(loads) / sizeof(loads[0]) };

unsigned long load_number(const char *text)
{
	char *end = NULL;
	unsigned long number = strtoul(text, &end, 10);
	if (*end || !number) {
		fprintf(stderr, "firkin-load: '%s' is not a number above 0\n", text);
		exit(2);
	}
	return number;
}

void load_say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

int load_failed(const char *what, int error)
{
	fprintf(stderr, "firkin-load: %s: %s\n", what, strerror(error));
	return 1;
}

void load_rest(void)
{
	for (;;)
		pause();
}

static int usage(void)
{
	for (int number = 0; number < LOADS; number++)
		fprintf(stderr, "%s firkin-load PARENT %s %s\n", number ? "      " : "usage:", loads[number]->name,
			loads[number]->arguments);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return usage();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before. */
	if (getppid() != (pid_t)strtol(argv[1], NULL, 10))
		return 1;
	for (int number = 0; number < LOADS; number++)
		if (!strcmp(argv[2], loads[number]->name) && argc == 3 + loads[number]->count)
			return loads[number]->run(argv + 3);
	return usage();
}

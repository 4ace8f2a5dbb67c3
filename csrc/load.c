/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-load PARENT LOAD NUMBER: what experiments with cgroups put into them.
 *
 *   spin THREADS      so many threads that never sleep
 *   hold BYTES        takes memory page by page, says "held", keeps it
 *   fork COUNT        makes up to so many children, says how many there are, keeps them
 *
 * PARENT is who started it, and it dies with them, as its children die with it; else it runs until it is killed.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

__attribute__((noreturn)) static void *spin(void *unused)
{
	(void)unused;
	for (volatile unsigned long turns = 0;; turns++)
		;
}

static int spin_threads(unsigned long count)
{
	for (unsigned long number = 1; number < count; number++) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, spin, NULL);
		if (error) {
			fprintf(stderr, "firkin-load: thread %lu: %s\n", number, strerror(error));
			return 1;
		}
	}
	spin(NULL);
}

static void say(const char *word, unsigned long number)
{
	printf("%s %lu\n", word, number);
	fflush(stdout);
}

__attribute__((noreturn)) static void rest(void)
{
	for (;;)
		pause();
}

static int hold(unsigned long bytes)
{
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		fprintf(stderr, "firkin-load: %lu bytes: %s\n", bytes, strerror(errno));
		return 1;
	}
	/* Huge pages would take in steps what is to be counted by page. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (unsigned long at = 0; at < bytes; at += page)
		memory[at] = 1;
	say("held", bytes);
	rest();
}

static int fork_children(unsigned long count)
{
	unsigned long made = 0;
	pid_t self = getpid();
	while (made < count) {
		pid_t child = fork();
		if (child < 0)
			break;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self)
				_exit(1);
			rest();
		}
		made++;
	}
	say("forked", made);
	rest();
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long number = argc == 4 ? strtoul(argv[3], &end, 10) : 0;
	if (!end || *end || !number) {
		fprintf(stderr, "usage: firkin-load PARENT spin THREADS | hold BYTES | fork COUNT\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before. */
	if (getppid() != (pid_t)strtol(argv[1], NULL, 10))
		return 1;
	if (!strcmp(argv[2], "spin"))
		return spin_threads(number);
	if (!strcmp(argv[2], "hold"))
		return hold(number);
	if (!strcmp(argv[2], "fork"))
		return fork_children(number);
	fprintf(stderr, "firkin-load: unknown load '%s'\n", argv[2]);
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of block devices: requests past the page cache, one after the other in each of some threads. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What all threads do together: requests of `size` bytes, the device has `slots` of them. */
static struct {
	const char *path;
	int device;
	int is_write;
	int is_random;
	unsigned long size;
	unsigned long slots;
	atomic_ulong turn;
} work;

/*
 * The cost model of the kernel takes a request for random that is more than 16 MiB away from the last one (iocost,
 * LCOEF_RANDIO_PAGES): these go to and fro between the quarters at both ends.
 */
static unsigned long next_slot(void)
{
	unsigned long turn = atomic_fetch_add(&work.turn, 1), quarter = work.slots / 4;
	if (!work.is_random)
		return turn % work.slots;
	return turn % quarter + (turn % 2 ? work.slots - quarter : 0);
}

static void *request(void *unused)
{
	void *buffer = NULL;
	(void)unused;
	if (posix_memalign(&buffer, 4096, work.size))
		exit(load_failed("take memory", ENOMEM));
	memset(buffer, 0, work.size);
	for (;;) {
		off_t at = (off_t)(next_slot() * work.size);
		ssize_t done = work.is_write ? pwrite(work.device, buffer, work.size, at)
					     : pread(work.device, buffer, work.size, at);
		if (done != (ssize_t)work.size)
			exit(load_failed(work.path, done < 0 ? errno : EIO));
	}
	return NULL;
}

static int block(char **arguments)
{
	work.path = arguments[0];
	work.is_write = !strcmp(arguments[1], "write");
	work.is_random = !strcmp(arguments[2], "random");
	work.size = load_number(arguments[3]);
	unsigned long threads = load_number(arguments[4]);
	work.device = open(work.path, (work.is_write ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (work.device < 0)
		return load_failed(work.path, errno);
	off_t end = lseek(work.device, 0, SEEK_END);
	if (end < 0)
		return load_failed(work.path, errno);
	work.slots = (unsigned long)end / work.size;
	if (work.slots < 4)
		return load_failed(work.path, ENOSPC);
	for (unsigned long number = 1; number < threads; number++) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, request, NULL);
		if (error)
			return load_failed("start a thread", error);
	}
	request(NULL);
	return 0;
}

const struct load load_block = {"block", "PATH read|write sequential|random SIZE THREADS", 5, block};

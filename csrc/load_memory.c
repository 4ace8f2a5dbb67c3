/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of memory: pages that are taken one by one and kept. */
#include "load.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int hold(char **arguments)
{
	unsigned long bytes = load_number(arguments[0]), page = (unsigned long)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return load_failed("take memory", errno);
	/* Huge pages would take in steps what is to be counted by page. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (unsigned long at = 0; at < bytes; at += page)
		memory[at] = 1;
	load_say("held %lu", bytes);
	load_rest();
}

const struct load load_hold = {"hold", "BYTES", 1, hold};

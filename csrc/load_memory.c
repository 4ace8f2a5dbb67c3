/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of memory: pages that are taken one by one and kept. */
#include "load.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile char *take(unsigned long bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* Huge pages would take in steps what is to be counted by page. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	return memory;
}

static int hold(char **arguments)
{
	unsigned long bytes = load_number(arguments[0]), page = (unsigned long)sysconf(_SC_PAGESIZE);
	volatile char *memory = take(bytes);
	if (!memory)
		return load_failed("take memory", errno);
	for (unsigned long at = 0; at < bytes; at += page)
		memory[at] = 1;
	load_say("held %lu", bytes);
	load_rest();
}

const struct load load_hold = {"hold", "BYTES", 1, hold};

/* Says how far it is after each `step`, so that its last line tells how far it came. */
static int grow(char **arguments)
{
	unsigned long bytes = load_number(arguments[0]), step = load_number(arguments[1]);
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	volatile char *memory = take(bytes);
	if (!memory)
		return load_failed("take memory", errno);
	for (unsigned long at = 0; at < bytes; at += page) {
		memory[at] = 1;
		if ((at + page) % step < page)
			load_say("at %lu", at + page);
	}
	load_rest();
}

const struct load load_grow = {"grow", "BYTES STEP", 2, grow};

static int grow_huge(char **arguments)
{
	unsigned long page = load_number(arguments[0]), count = load_number(arguments[1]);
	/* Nothing is reserved: who has no page learns it when he touches it. */
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE;
	char *memory = mmap(NULL, page * count, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		return load_failed("map huge pages", errno);
	for (unsigned long number = 0; number < count; number++) {
		((volatile char *)memory)[number * page] = 1;
		load_say("at %lu", number + 1);
	}
	load_rest();
}

const struct load load_huge = {"huge", "PAGE COUNT", 2, grow_huge};

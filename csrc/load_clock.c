/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load that reads the clock as often as it can: what it does not see, somebody else had its processor. It says how
 * long it read, what it lost in gaps of more than a tenth of a millisecond, the longest gap, how many times it read in
 * a slow millisecond (the tenth of them) and in a middling one, and all gaps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "load.h"
#include "load_histogram.h"

enum { MILLISECOND = 1000000, NOTABLE = 100000 };

struct reader {
	struct histogram gaps;
	uint64_t start, lost, worst;
	/* Readings in each millisecond. */
	uint32_t *paces;
	unsigned long milliseconds;
};

static void read_clock(struct reader *reader)
{
	uint64_t last = reader->start, end = reader->start + reader->milliseconds * MILLISECOND;
	for (;;) {
		uint64_t now = clock_now(CLOCK_MONOTONIC), gap = now - last;
		histogram_add(&reader->gaps, gap);
		if (gap > NOTABLE)
			reader->lost += gap;
		if (gap > reader->worst)
			reader->worst = gap;
		if (now >= end)
			return;
		reader->paces[(now - reader->start) / MILLISECOND]++;
		last = now;
	}
}

static int ascending(const void *left, const void *right)
{
	uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;
	return (one > other) - (one < other);
}

static int read_for(char **arguments)
{
	static struct reader reader;
	reader.milliseconds = load_number(arguments[0]);
	reader.paces = calloc(reader.milliseconds, sizeof(*reader.paces));
	if (!reader.paces)
		return load_failed("take memory", errno);
	load_say("reading");
	reader.start = clock_now(CLOCK_MONOTONIC);
	read_clock(&reader);
	uint64_t took = clock_now(CLOCK_MONOTONIC) - reader.start;
	qsort(reader.paces, reader.milliseconds, sizeof(*reader.paces), ascending);
	load_say("read %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u", took, reader.lost, reader.worst,
		 reader.paces[reader.milliseconds / 10], reader.paces[reader.milliseconds / 2]);
	histogram_say(&reader.gaps);
	free(reader.paces);
	load_rest();
}

const struct load load_clock = {"clock", "MILLISECONDS", 1, read_for};

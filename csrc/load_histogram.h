/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of durations in buckets that grow with them: sixteen for each power of two, so that a bound is 6 % off. */
#ifndef FIRKIN_LOAD_HISTOGRAM_H
#define FIRKIN_LOAD_HISTOGRAM_H

#include <stdint.h>
#include <time.h>

enum { HISTOGRAM_BUCKETS = 61 * 16 };

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
};

/* The time of a clock in nanoseconds. */
uint64_t clock_now(clockid_t clock);

void histogram_add(struct histogram *histogram, uint64_t nanoseconds);

/* A line "counted BOUND COUNT" for each bucket that is not empty, ascending, then "end". */
void histogram_say(const struct histogram *histogram);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "load_histogram.h"

#include <inttypes.h>

#include "load.h"

uint64_t clock_now(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds)
{
	if (nanoseconds < 16) {
		histogram->counts[nanoseconds]++;
		return;
	}
	int octave = 63 - __builtin_clzll(nanoseconds);
	histogram->counts[(octave - 3) * 16 + (int)(nanoseconds >> (octave - 4) & 15)]++;
}

static uint64_t bound(int bucket)
{
	if (bucket < 16)
		return (uint64_t)bucket;
	int octave = bucket / 16 + 3;
	return ((uint64_t)(17 + bucket % 16) << (octave - 4)) - 1;
}

void histogram_say(const struct histogram *histogram)
{
	for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
		if (histogram->counts[bucket])
			load_say("counted %" PRIu64 " %" PRIu64, bound(bucket), histogram->counts[bucket]);
	load_say("end");
}

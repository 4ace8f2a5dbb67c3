/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load of requests with known arrivals: standard input has a line "ARRIVAL WORK" for each, in microseconds, in the
 * order of arrival. One thread serves them in turn, each with so much processor time. What is counted is how long each
 * took since it was due, not since it was begun: who is late with one is late with those behind it, too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"
#include "load_histogram.h"

struct request {
	uint64_t arrival, work;
};

static struct request *read_requests(unsigned long count)
{
	struct request *requests = calloc(count, sizeof(*requests));
	if (!requests) {
		load_failed("take memory", errno);
		return NULL;
	}
	for (unsigned long number = 0; number < count; number++) {
		struct request *request = &requests[number];
		if (scanf("%" SCNu64 " %" SCNu64, &request->arrival, &request->work) != 2) {
			load_failed("read the requests", EINVAL);
			free(requests);
			return NULL;
		}
	}
	return requests;
}

static void wait_until(uint64_t due)
{
	struct timespec at = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void work(uint64_t nanoseconds)
{
	uint64_t end = clock_now(CLOCK_THREAD_CPUTIME_ID) + nanoseconds;
	while (clock_now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* When the next period of the group's quota begins: it is used up, and then there is a gap of at least so long. */
static uint64_t next_period(uint64_t gap)
{
	uint64_t last = clock_now(CLOCK_MONOTONIC), now = last;
	while (now - last < gap) {
		last = now;
		now = clock_now(CLOCK_MONOTONIC);
	}
	return now;
}

static int serve(const struct request *requests, unsigned long count, uint64_t start)
{
	struct histogram taken = {0};
	for (unsigned long number = 0; number < count; number++) {
		uint64_t due = start + requests[number].arrival * 1000;
		wait_until(due);
		work(requests[number].work * 1000);
		histogram_add(&taken, clock_now(CLOCK_MONOTONIC) - due);
	}
	load_say("served");
	histogram_say(&taken);
	load_rest();
}

static int serve_at_once(char **arguments)
{
	unsigned long count = load_number(arguments[0]);
	struct request *requests = read_requests(count);
	if (!requests)
		return 1;
	load_say("serving");
	return serve(requests, count, clock_now(CLOCK_MONOTONIC));
}

static int serve_from_period(char **arguments)
{
	unsigned long count = load_number(arguments[0]), gap = load_number(arguments[1]);
	uint64_t delay = (uint64_t)load_number(arguments[2]) * 1000;
	struct request *requests = read_requests(count);
	if (!requests)
		return 1;
	uint64_t start = next_period((uint64_t)gap * 1000) + delay;
	wait_until(start);
	load_say("serving");
	return serve(requests, count, start);
}

const struct load load_request = {"request", "COUNT <REQUESTS", 1, serve_at_once};
const struct load load_request_from_period = {
	"request-from-period", "COUNT GAP-USEC DELAY-USEC <REQUESTS", 3, serve_from_period};

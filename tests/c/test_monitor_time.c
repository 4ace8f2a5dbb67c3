/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "monitor_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *stamp_of(int64_t ns)
{
	static char stamp[STAMP_LENGTH + 2];
	memset(stamp, '#', sizeof stamp);
	time_stamp(stamp, ns);
	CHECK_EQUAL(stamp[STAMP_LENGTH], '#');
	stamp[STAMP_LENGTH] = 0;
	return stamp;
}

static void times_are_in_utc_with_nanoseconds(void)
{
	CHECK_TEXT(stamp_of(0), "1970-01-01T00:00:00.000000000Z");
	CHECK_TEXT(stamp_of(951782399999999999), "2000-02-28T23:59:59.999999999Z");
	CHECK_TEXT(stamp_of(951782400000000001), "2000-02-29T00:00:00.000000001Z");
	CHECK_TEXT(stamp_of(1709251199000000000), "2024-02-29T23:59:59.000000000Z");
	CHECK_TEXT(stamp_of(4107542400000000000), "2100-03-01T00:00:00.000000000Z");
}

/* Every day until 2200, at changing times of it. */
static void times_are_those_of_the_c_library(void)
{
	for (int64_t day = 0; day < 230 * 366; day++) {
		time_t seconds = day * 86400 + day * 7919 % 86400;
		struct tm tm;
		char wanted[64];
		CHECK(gmtime_r(&seconds, &tm));
		size_t n = strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(wanted + n, sizeof wanted - n, ".%09dZ", (int)(day * 104729 % 1000000000));
		CHECK_TEXT(stamp_of(seconds * 1000000000 + day * 104729 % 1000000000), wanted);
	}
}

static void clocks_go_on(void)
{
	struct timespec t;
	int64_t before = time_monotonic_ms(), now = time_now();
	CHECK(!clock_gettime(CLOCK_REALTIME, &t));
	CHECK(t.tv_sec - now / 1000000000 <= 60 && now / 1000000000 - t.tv_sec <= 60);
	CHECK(time_monotonic_ms() >= before);
}

static const struct check_test tests[] = {
	TEST(times_are_in_utc_with_nanoseconds),
	TEST(times_are_those_of_the_c_library),
	TEST(clocks_go_on),
};

CHECK_MAIN(tests)

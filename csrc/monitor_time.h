/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRKIN_MONITOR_TIME_H
#define FIRKIN_MONITOR_TIME_H

#include <stdint.h>

#define STAMP_LENGTH 30

/* Nanoseconds since the epoch. */
int64_t time_now(void);

/* Milliseconds of a clock that never goes back. */
int64_t time_monotonic_ms(void);

/* RFC 3339 in UTC, with nine digits of a second: STAMP_LENGTH bytes without an end. For years 1970 to 9999. */
void time_stamp(char *to, int64_t ns);

#endif

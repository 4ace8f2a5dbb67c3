/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_time.h"
#include "syscalls.h"

#include <linux/time.h>
#include <linux/time_types.h>

#define SECOND 1000000000
#define DAY 86400

static struct __kernel_timespec read_clock(int clock)
{
	struct __kernel_timespec t = { 0 };
	sys_clock_gettime(clock, &t);
	return t;
}

int64_t time_now(void)
{
	struct __kernel_timespec t = read_clock(CLOCK_REALTIME);
	return t.tv_sec * SECOND + t.tv_nsec;
}

int64_t time_monotonic_ms(void)
{
	struct __kernel_timespec t = read_clock(CLOCK_MONOTONIC);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static char *put_digits(char *to, uint32_t number, int digits)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + digits;
}

struct date {
	uint32_t year, month, day;
};

/*
 * Days since 1970-01-01 in the Gregorian calendar. Counted from March of year 0, the odd day of a leap year is the
 * last one of a year, and the lengths of the months repeat every five.
 */
static struct date date_of(uint32_t days)
{
	uint32_t since = days + 719468, era = since / 146097, day = since % 146097;
	uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint32_t of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153;
	return (struct date){
		.year = year + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = of_year - (153 * month + 2) / 5 + 1,
	};
}

void time_stamp(char *to, int64_t ns)
{
	int64_t seconds = ns / SECOND;
	uint32_t of_day = (uint32_t)(seconds % DAY);
	struct date date = date_of((uint32_t)(seconds / DAY));
	to = put_digits(to, date.year, 4);
	*to++ = '-';
	to = put_digits(to, date.month, 2);
	*to++ = '-';
	to = put_digits(to, date.day, 2);
	*to++ = 'T';
	to = put_digits(to, of_day / 3600, 2);
	*to++ = ':';
	to = put_digits(to, of_day / 60 % 60, 2);
	*to++ = ':';
	to = put_digits(to, of_day % 60, 2);
	*to++ = '.';
	to = put_digits(to, (uint32_t)(ns % SECOND), 9);
	*to = 'Z';
}

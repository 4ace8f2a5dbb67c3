/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of headers: octal, binary, decimal. */
#include "tar_internal.h"

#include <errno.h>

/* A field of octal digits, or GNU's form for greater numbers: the top bit, then a number of big end. */
int tar_parse_number(const char *field, size_t size, int64_t *number)
{
	const unsigned char *s = (const unsigned char *)field;
	uint64_t value = 0;
	if (*s & 0x80) {
		int negative = *s == 0xff;
		if (*s != 0x80 && !negative)
			return -EBADMSG;
		for (size_t i = 1; i < size; i++) {
			if (i + 8 < size && s[i] != (negative ? 0xff : 0))
				return -EBADMSG;
			value = value << 8 | s[i];
		}
		*number = (int64_t)value;
		return negative == (*number < 0) ? 0 : -EBADMSG;
	}
	size_t i = 0;
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (uint64_t)(field[i] - '0');
	if (i < size && field[i] && field[i] != ' ')
		return -EBADMSG;
	*number = (int64_t)value;
	return 0;
}

/* Decimal digits up to `end`; what comes after them is in *rest. */
int tar_parse_decimal(const char *s, const char *end, int64_t *number, const char **rest)
{
	int negative = s < end && *s == '-';
	uint64_t value = 0;
	const char *start = s += negative;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (value > (INT64_MAX - 9) / 10)
			return -EBADMSG;
		value = value * 10 + (uint64_t)(*s - '0');
	}
	*number = negative ? -(int64_t)value : (int64_t)value;
	*rest = s;
	return s == start ? -EBADMSG : 0;
}

int tar_parse_whole(const char *value, const char *end, int64_t *number)
{
	const char *rest;
	int r = tar_parse_decimal(value, end, number, &rest);
	return r < 0 || rest != end ? -EBADMSG : 0;
}

/* SECONDS[.FRACTION]; a fraction counts upwards from the seconds, also below 0. */
int tar_parse_time(const char *value, const char *end, int64_t *seconds, uint32_t *nanoseconds)
{
	const char *rest;
	if (tar_parse_decimal(value, end, seconds, &rest) < 0)
		return -EBADMSG;
	*nanoseconds = 0;
	if (rest < end && *rest != '.')
		return -EBADMSG;
	uint32_t unit = 100000000;
	for (rest += rest < end; rest < end; rest++, unit /= 10) {
		if (*rest < '0' || *rest > '9')
			return -EBADMSG;
		*nanoseconds += unit * (uint32_t)(*rest - '0');
	}
	if (*value == '-' && *nanoseconds) {
		*seconds -= 1;
		*nanoseconds = 1000000000 - *nanoseconds;
	}
	return 0;
}

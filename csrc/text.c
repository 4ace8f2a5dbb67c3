/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

size_t text_length(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}

int text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

size_t text_copy(char *to, size_t room, const char *from)
{
	to[0] = 0;
	return text_append(to, room, from);
}

size_t text_append(char *to, size_t room, const char *from)
{
	size_t n = text_length(to);
	while (*from && n + 1 < room)
		to[n++] = *from++;
	to[n] = 0;
	return n;
}

size_t text_append_number(char *to, size_t room, uint64_t number)
{
	char digits[21];
	size_t n = sizeof digits;
	digits[--n] = 0;
	do
		digits[--n] = (char)('0' + number % 10);
	while (number /= 10);
	return text_append(to, room, digits + n);
}

int text_fits(const char *s, size_t room)
{
	return text_length(s) + 1 < room;
}

int64_t text_number(const char *s)
{
	int64_t number = -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (number > (INT64_MAX - 9) / 10)
			return -1;
		number = (number < 0 ? 0 : number * 10) + (*s - '0');
	}
	return number;
}

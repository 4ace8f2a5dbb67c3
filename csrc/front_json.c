/* SPDX-License-Identifier: Apache-2.0 */
/* As much of JSON as is needed to read the records that firkin writes. */
#include "front.h"

#include <string.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind the string that begins at `at`, or 0. */
static const char *skip_string(const char *at)
{
	if (*at != '"')
		return 0;
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && !*++at)
			return 0;
	return *at ? at + 1 : 0;
}

/* Behind the object or list that begins at `at`, or 0. */
static const char *skip_nested(const char *at)
{
	unsigned depth = 0;
	while (*at) {
		if (*at == '"') {
			at = skip_string(at);
			if (!at)
				return 0;
			continue;
		}
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at++;
		if (!depth)
			return at;
	}
	return 0;
}

static const char *skip_value(const char *at)
{
	if (*at == '"')
		return skip_string(at);
	if (*at == '{' || *at == '[')
		return skip_nested(at);
	size_t n = strcspn(at, ",]} \t\r\n");
	return n ? at + n : 0;
}

int front_json_next(const char **at, struct front_json *name, struct front_json *value)
{
	const char *place = skip_blanks(*at);
	int first = *place == '{';
	if (!first && *place != ',')
		return *place == '}' ? 0 : FRONT_PYTHON;
	place = skip_blanks(place + 1);
	if (first && *place == '}')
		return 0;
	const char *end = skip_string(place);
	if (!end)
		return FRONT_PYTHON;
	*name = (struct front_json){ place, (size_t)(end - place) };
	place = skip_blanks(end);
	if (*place != ':')
		return FRONT_PYTHON;
	place = skip_blanks(place + 1);
	end = skip_value(place);
	if (!end)
		return FRONT_PYTHON;
	*value = (struct front_json){ place, (size_t)(end - place) };
	*at = end;
	return 1;
}

int front_json_member(const char *object, const char *name, struct front_json *value)
{
	struct front_json found;
	size_t length = strlen(name);
	while (front_json_next(&object, &found, value) > 0)
		if (found.size == length + 2 && !memcmp(found.at + 1, name, length))
			return 1;
	return 0;
}

int front_json_text(struct front_json value, char *to, size_t room)
{
	if (value.size < 2 || value.at[0] != '"' || value.size - 2 >= room || memchr(value.at, '\\', value.size))
		return FRONT_PYTHON;
	memcpy(to, value.at + 1, value.size - 2);
	to[value.size - 2] = 0;
	return 0;
}

int64_t front_json_number(struct front_json value)
{
	int64_t number = 0;
	if (!value.size || value.size > 18)
		return FRONT_PYTHON;
	for (size_t i = 0; i < value.size; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return FRONT_PYTHON;
		number = number * 10 + (value.at[i] - '0');
	}
	return number;
}

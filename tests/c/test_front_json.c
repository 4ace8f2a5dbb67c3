/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "front.h"

#include <stdio.h>
#include <string.h>

static const char *member(const char *object, const char *name)
{
	static char text[64];
	struct front_json value;
	if (!front_json_member(object, name, &value))
		return "(none)";
	snprintf(text, sizeof text, "%.*s", (int)value.size, value.at);
	return text;
}

static void members_are_found_at_the_top_alone(void)
{
	const char *object = "{\"a\":{\"pid\":1,\"x\":[{\"pid\":2}]}, \"b\" : \"}\\\"pid\\\":3\" ,\"pid\":4}";
	CHECK_TEXT(member(object, "pid"), "4");
	CHECK_TEXT(member(object, "a"), "{\"pid\":1,\"x\":[{\"pid\":2}]}");
	CHECK_TEXT(member(object, "x"), "(none)");
	CHECK_TEXT(member("{}", "pid"), "(none)");
	CHECK_TEXT(member("{ }", "pid"), "(none)");
}

static void what_is_malformed_has_no_members(void)
{
	static const char *const texts[] = { "",	 "[",	    "{\"pid\"",	  "{\"pid\":",	   "{\"pid\":\"",
					     "{\"a\":{", "{\"a\\", "{\"a\":[1}", "{\"a\" 1,\"pid\":2}" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		CHECK_TEXT(member(texts[i], "pid"), "(none)");
}

static void members_come_one_after_the_other(void)
{
	const char *at = "{\"one\":1,\"two\":{},\"three\":true}";
	struct front_json name, value;
	int count = 0;
	while (front_json_next(&at, &name, &value) > 0)
		count++;
	CHECK_EQUAL(count, 3);
	CHECK_TEXT(at, "}");
	at = "{\"one\":\"1\";}";
	CHECK_EQUAL(front_json_next(&at, &name, &value), 1);
	CHECK_EQUAL(front_json_next(&at, &name, &value), FRONT_PYTHON);
}

static struct front_json json(const char *text)
{
	return (struct front_json){ text, strlen(text) };
}

static void texts_without_escapes_are_taken(void)
{
	char text[6];
	CHECK_EQUAL(front_json_text(json("\"a/b\""), text, sizeof text), 0);
	CHECK_TEXT(text, "a/b");
	CHECK_EQUAL(front_json_text(json("\"12345\""), text, sizeof text), 0);
	CHECK_EQUAL(front_json_text(json("\"123456\""), text, sizeof text), FRONT_PYTHON);
	CHECK_EQUAL(front_json_text(json("\"a\\n\""), text, sizeof text), FRONT_PYTHON);
	CHECK_EQUAL(front_json_text(json("12"), text, sizeof text), FRONT_PYTHON);
}

static void whole_numbers_are_taken(void)
{
	CHECK_EQUAL(front_json_number(json("0")), 0);
	CHECK_EQUAL(front_json_number(json("123456789012345678")), 123456789012345678);
	CHECK_EQUAL(front_json_number(json("1234567890123456789")), FRONT_PYTHON);
	CHECK_EQUAL(front_json_number(json("-1")), FRONT_PYTHON);
	CHECK_EQUAL(front_json_number(json("1.5")), FRONT_PYTHON);
	CHECK_EQUAL(front_json_number(json("")), FRONT_PYTHON);
}

static const struct check_test tests[] = {
	TEST(members_are_found_at_the_top_alone), TEST(what_is_malformed_has_no_members),
	TEST(members_come_one_after_the_other),	  TEST(texts_without_escapes_are_taken),
	TEST(whole_numbers_are_taken),
};
CHECK_MAIN(tests)

/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void length_counts_bytes_before_the_end(void)
{
	CHECK_EQUAL(text_length(""), 0);
	CHECK_EQUAL(text_length("abc"), 3);
	CHECK_EQUAL(text_length("a\0b"), 1);
}

static void equal_compares_whole_texts(void)
{
	CHECK(text_equal("", ""));
	CHECK(text_equal("abc", "abc"));
	CHECK(!text_equal("abc", "ab"));
	CHECK(!text_equal("ab", "abc"));
	CHECK(!text_equal("", "a"));
	CHECK(!text_equal("\xff", "\x7f"));
}

static void copy_cuts_what_does_not_fit(void)
{
	char *room = malloc(4);
	CHECK_EQUAL(text_copy(room, 4, "abc"), 3);
	CHECK_TEXT(room, "abc");
	CHECK_EQUAL(text_copy(room, 4, "defghi"), 3);
	CHECK_TEXT(room, "def");
	CHECK_EQUAL(text_copy(room, 4, ""), 0);
	CHECK_TEXT(room, "");
	free(room);
}

static void copy_into_one_byte_is_empty(void)
{
	char *room = malloc(1);
	CHECK_EQUAL(text_copy(room, 1, "abc"), 0);
	CHECK_TEXT(room, "");
	free(room);
}

static void append_continues_and_cuts(void)
{
	char room[8] = "ab";
	CHECK_EQUAL(text_append(room, sizeof room, "cd"), 4);
	CHECK_TEXT(room, "abcd");
	CHECK_EQUAL(text_append(room, sizeof room, "efghijk"), 7);
	CHECK_TEXT(room, "abcdefg");
	CHECK_EQUAL(text_append(room, sizeof room, "h"), 7);
}

static void numbers_are_written_in_decimal(void)
{
	char room[32] = "n=";
	CHECK_EQUAL(text_append_number(room, sizeof room, 0), 3);
	CHECK_TEXT(room, "n=0");
	room[0] = 0;
	text_append_number(room, sizeof room, UINT64_MAX);
	CHECK_TEXT(room, "18446744073709551615");
	room[0] = 0;
	text_append_number(room, 4, 123456);
	CHECK_TEXT(room, "123");
}

static void a_full_room_does_not_count_as_fitting(void)
{
	char room[4];
	text_copy(room, sizeof room, "ab");
	CHECK(text_fits(room, sizeof room));
	text_copy(room, sizeof room, "abc");
	CHECK(!text_fits(room, sizeof room));
	text_copy(room, sizeof room, "abcd");
	CHECK(!text_fits(room, sizeof room));
}

static void numbers_end_at_the_first_other_byte(void)
{
	CHECK_EQUAL(text_number("0"), 0);
	CHECK_EQUAL(text_number("42"), 42);
	CHECK_EQUAL(text_number("007 8"), 7);
	CHECK_EQUAL(text_number("12x"), 12);
}

static void a_text_without_digits_is_no_number(void)
{
	CHECK_EQUAL(text_number(""), -1);
	CHECK_EQUAL(text_number("x1"), -1);
	CHECK_EQUAL(text_number("-1"), -1);
	CHECK_EQUAL(text_number(" 1"), -1);
}

static void numbers_that_do_not_fit_are_refused(void)
{
	CHECK_EQUAL(text_number("9223372036854775799"), 9223372036854775799);
	CHECK_EQUAL(text_number("9223372036854775808"), -1);
	CHECK_EQUAL(text_number("18446744073709551616"), -1);
	CHECK_EQUAL(text_number("99999999999999999999999999"), -1);
}

static const struct check_test tests[] = {
	TEST(length_counts_bytes_before_the_end),
	TEST(equal_compares_whole_texts),
	TEST(copy_cuts_what_does_not_fit),
	TEST(copy_into_one_byte_is_empty),
	TEST(append_continues_and_cuts),
	TEST(numbers_are_written_in_decimal),
	TEST(a_full_room_does_not_count_as_fitting),
	TEST(numbers_end_at_the_first_other_byte),
	TEST(a_text_without_digits_is_no_number),
	TEST(numbers_that_do_not_fit_are_refused),
};
CHECK_MAIN(tests)

/* SPDX-License-Identifier: Apache-2.0 */
#include "log_check.h"
#include "monitor_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct stream stream;
static int writer = -1;
static uint32_t max_line;

static void start(uint32_t most)
{
	int ends[2];
	CHECK(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	if (writer >= 0) {
		close(writer);
		close(stream.fd);
	}
	memset(&stream, 0, sizeof stream);
	stream.fd = ends[0];
	writer = ends[1];
	max_line = most;
	open_log("log");
}

/* Logs what is written in one read. */
static void take(const char *data, size_t size)
{
	const char *read;
	CHECK_EQUAL(write(writer, data, size), (long)size);
	CHECK_EQUAL(stream_read(&stream, &read), (long)size);
	CHECK(!memcmp(read, data, size));
	stream_log(&stream, &check_log, max_line, 0);
}

static void take_text(const char *text)
{
	take(text, strlen(text));
}

static void end(void)
{
	const char *data;
	close(writer);
	writer = -1;
	CHECK_EQUAL(stream_read(&stream, &data), 0);
	stream_log(&stream, &check_log, max_line, 1);
	close(stream.fd);
}

static void lines_are_records(void)
{
	start(100);
	take_text("one\ntwo\n\nthree\n");
	CHECK_TEXT(records_of("log"), "stdout F one\nstdout F two\nstdout F \nstdout F three\n");
}

static void a_line_may_come_in_pieces(void)
{
	start(100);
	take_text("on");
	CHECK_TEXT(records_of("log"), "");
	take_text("e\ntw");
	take_text("o");
	CHECK_TEXT(records_of("log"), "stdout F one\n");
	take_text("\n");
	CHECK_TEXT(records_of("log"), "stdout F one\nstdout F two\n");
}

static void a_line_without_an_end_is_a_part(void)
{
	start(100);
	take_text("one\ntwo");
	end();
	CHECK_TEXT(records_of("log"), "stdout F one\nstdout P two\n");
}

static void a_stream_that_ends_with_a_line_adds_nothing(void)
{
	start(100);
	take_text("one\n");
	end();
	CHECK_TEXT(records_of("log"), "stdout F one\n");
}

static void an_empty_stream_is_an_empty_log(void)
{
	start(100);
	end();
	CHECK_TEXT(records_of("log"), "");
}

static void a_carriage_return_before_the_end_is_dropped(void)
{
	start(100);
	take_text("one\r\n\r\ntw\ro\r\r\n");
	CHECK_TEXT(records_of("log"), "stdout F one\nstdout F \nstdout F tw\ro\r\n");
	take_text("three\r");
	take_text("\nfour\r");
	end();
	CHECK_TEXT(strstr(records_of("log"), "three"), "three\nstdout P four\r\n");
}

static void long_lines_are_split(void)
{
	start(4);
	take_text("1234\n12345\n123456789\n12345678\n");
	CHECK_TEXT(records_of("log"), "stdout F 1234\nstdout P 1234\nstdout F 5\n"
				      "stdout P 1234\nstdout P 5678\nstdout F 9\nstdout P 1234\nstdout F 5678\n");
}

static void parts_do_not_wait_for_the_end(void)
{
	start(4);
	take_text("1234");
	CHECK_TEXT(records_of("log"), "");
	take_text("5");
	CHECK_TEXT(records_of("log"), "stdout P 1234\n");
	take_text("678");
	take_text("9\n");
	CHECK_TEXT(records_of("log"), "stdout P 1234\nstdout P 5678\nstdout F 9\n");
}

static void a_carriage_return_counts_only_inside_of_a_line(void)
{
	start(4);
	take_text("1234\r");
	CHECK_TEXT(records_of("log"), "");
	take_text("\n");
	CHECK_TEXT(records_of("log"), "stdout F 1234\n");
	take_text("1234\r");
	take_text("5\n");
	CHECK_TEXT(records_of("log"), "stdout F 1234\nstdout P 1234\nstdout F \r5\n");
	take_text("1234\r");
	end();
	CHECK_TEXT(strrchr(records_of("log"), 'P'), "P \r\n");
}

static void the_end_of_a_long_line_is_split_too(void)
{
	start(4);
	take_text("12345678");
	end();
	CHECK_TEXT(records_of("log"), "stdout P 1234\nstdout P 5678\n");
}

static void all_bytes_but_a_line_end_are_content(void)
{
	start(100);
	take("a\0b\xff\n", 5);
	char got[64];
	int fd = openat(check_log.directory, "log", O_RDONLY | O_CLOEXEC);
	CHECK_EQUAL(read(fd, got, sizeof got), LOG_HEAD + 5);
	CHECK(!memcmp(got + LOG_HEAD, "a\0b\xff\n", 5));
	close(fd);
}

static void nothing_there_is_told(void)
{
	const char *data;
	start(100);
	CHECK_EQUAL(stream_read(&stream, &data), -EAGAIN);
}

/* Lines of many lengths through reads of any size are what they were. */
static void many_lines_pass_through_the_buffer(void)
{
	static char text[1 << 16], wanted[1 << 18];
	size_t size = 0, at = 0;
	char *to = wanted;
	for (int i = 0; size + 2000 < sizeof text; i++) {
		int length = i * 37 % 1900;
		memset(text + size, 'a' + i % 26, (size_t)length);
		text[size + (size_t)length] = '\n';
		to += sprintf(to, "stdout F %.*s\n", length, text + size);
		size += (size_t)length + 1;
	}
	start(2000);
	while (at < size) {
		const char *data;
		long n = write(writer, text + at, size - at < 5000 ? size - at : 5000);
		CHECK(n > 0);
		at += (size_t)n;
		while (stream_read(&stream, &data) > 0)
			stream_log(&stream, &check_log, max_line, 0);
	}
	CHECK_TEXT(records_of("log"), wanted);
}

/* The longest line that is allowed, in the reads that leave it the least room. */
static void the_longest_line_fits(void)
{
	static char line[MONITOR_MAX_LINE], wanted[2 * MONITOR_MAX_LINE];
	memset(line, 'x', sizeof line);
	start(MONITOR_MAX_LINE);
	for (int i = 0; i < 5; i++) {
		take(line, sizeof line);
		take("\r", 1);
		take("\n", 1);
	}
	snprintf(wanted, sizeof wanted, "stdout F %.*s\n", (int)sizeof line, line);
	const char *records = records_of("log");
	for (int i = 0; i < 5; i++, records += strlen(wanted))
		CHECK(!strncmp(records, wanted, strlen(wanted)));
	CHECK_TEXT(records, "");
}

static const struct check_test tests[] = {
	TEST(lines_are_records),
	TEST(a_line_may_come_in_pieces),
	TEST(a_line_without_an_end_is_a_part),
	TEST(a_stream_that_ends_with_a_line_adds_nothing),
	TEST(an_empty_stream_is_an_empty_log),
	TEST(a_carriage_return_before_the_end_is_dropped),
	TEST(long_lines_are_split),
	TEST(parts_do_not_wait_for_the_end),
	TEST(a_carriage_return_counts_only_inside_of_a_line),
	TEST(the_end_of_a_long_line_is_split_too),
	TEST(all_bytes_but_a_line_end_are_content),
	TEST(nothing_there_is_told),
	TEST(many_lines_pass_through_the_buffer),
	TEST(the_longest_line_fits),
};

CHECK_MAIN(tests)

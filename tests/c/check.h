/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test program is a list of named functions; its output is TAP. A check that fails ends its test,
 * not the program.
 */
#ifndef FIRKIN_CHECK_H
#define FIRKIN_CHECK_H

#include <stddef.h>

struct check_test {
	const char *name;
	void (*run)(void);
};

#define TEST(function) { #function, function }
#define CHECK_MAIN(tests) \
	int main(void) \
	{ \
		return check_run(tests, sizeof(tests) / sizeof((tests)[0])); \
	}

#define CHECK(condition) ((condition) ? (void)0 : check_fail(__FILE__, __LINE__, "%s", #condition))
/* Numbers; the second is what is expected. */
#define CHECK_EQUAL(got, wanted) check_equal(__FILE__, __LINE__, #got, (long long)(got), (long long)(wanted))
#define CHECK_TEXT(got, wanted) check_text(__FILE__, __LINE__, #got, got, wanted)

int check_run(const struct check_test *tests, size_t count);

__attribute__((noreturn, format(printf, 3, 4))) void check_fail(const char *file, int line, const char *format, ...);
void check_equal(const char *file, int line, const char *what, long long got, long long wanted);
void check_text(const char *file, int line, const char *what, const char *got, const char *wanted);

/* Ends the test as skipped. */
__attribute__((noreturn)) void check_skip(const char *reason);
void check_needs_root(void);

/* Runs `part` in a forked child; what fails or is skipped there fails or is skipped here. */
void check_in_child(void (*part)(void));

/* Removed with all that is in them when the test has ended. */
const char *check_directory(void);      /* path */
int check_directory_fd(void);

/* The number of open descriptors. */
int check_open_descriptors(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Resolution when the kernel gives up: openat2(2) answers EAGAIN where this test wants it to. */
#include "check.h"
#include "resolve.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long opens, first_refused, last_refused;

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_openat2 && opens++ >= first_refused && opens <= last_refused)
		return -EAGAIN;
	long r = syscall(number, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

static int root = -1, descriptors;

static void start(long first, long count)
{
	opens = 0;
	first_refused = first;
	last_refused = count > LONG_MAX - first ? LONG_MAX : first + count;
}

static const char *place(int fd)
{
	static char path[PATH_MAX];
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof path - 1);
	CHECK(n > 0);
	path[n] = 0;
	return path + strlen(check_directory());
}

static void clear(void)
{
	static const char *const places[] = { "a/b/c", "a/b", "a", "b/c", "b", "c" };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		unlinkat(root, places[i], AT_REMOVEDIR);
}

static void make_root(void)
{
	if (root >= 0)
		close(root);
	root = check_directory_fd();
	descriptors = check_open_descriptors();
}

static void only_the_path_is_made(void)
{
	CHECK(faccessat(root, "b", F_OK, 0) && faccessat(root, "c", F_OK, 0) && faccessat(root, "a/c", F_OK, 0));
	CHECK_EQUAL(check_open_descriptors(), descriptors);
}

static void a_resolution_that_is_given_up_is_tried_again(void)
{
	make_root();
	for (long first = 0; first < 8; first++) {
		for (long count = 1; count < 512; count += count < 120 || count > 140 ? 19 : 1) {
			start(first, count);
			int fd = resolve(root, "a/b/c", RESOLVE_MAKE_DIRECTORY, 0755);
			if (fd >= 0)
				CHECK_TEXT(place(fd), "/a/b/c");
			CHECK(fd >= 0 || fd == -EAGAIN || fd == -ELOOP);
			if (fd >= 0)
				close(fd);
			only_the_path_is_made();
			clear();
		}
	}
}

static void a_resolution_that_never_succeeds_ends(void)
{
	make_root();
	for (long first = 0; first < 8; first++) {
		start(first, LONG_MAX);
		CHECK(resolve(root, "a/b/c", RESOLVE_MAKE_DIRECTORY, 0755) < 0 || opens <= first + 1);
		CHECK(opens < 100000);
		only_the_path_is_made();
		clear();
	}
}

static const struct check_test tests[] = {
	TEST(a_resolution_that_is_given_up_is_tried_again),
	TEST(a_resolution_that_never_succeeds_ends),
};
CHECK_MAIN(tests)

/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "files.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEAD_PID 0x3fffffff

static struct plan_bytes template(const char *text)
{
	return (struct plan_bytes){ text, (uint32_t)strlen(text) };
}

static const char *content(int fd)
{
	static char text[4096];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	CHECK(n >= 0);
	text[n] = 0;
	return text;
}

static void expect_template(const char *text, int pid, const char *wanted)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	CHECK_EQUAL(file_write_template(fd, template(text), pid), 0);
	CHECK_TEXT(content(fd), wanted);
	close(fd);
}

static void a_template_without_holes_is_copied(void)
{
	expect_template("", 1, "");
	expect_template("abc", 1, "abc");
}

static void holes_are_filled_with_the_pid(void)
{
	expect_template("\1", 4711, "4711");
	expect_template("\1\1", 12, "1212");
	expect_template("<\1>", 1, "<1>");
	expect_template("a\1b\1", 0, "a0b0");
}

static void holes_are_filled_with_the_start_time(void)
{
	char wanted[64];
	snprintf(wanted, sizeof wanted, "t=%lld.", (long long)process_start_time(getpid()));
	expect_template("t=\2.", getpid(), wanted);
}

static void the_start_time_of_no_process_is_an_error(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	CHECK_EQUAL(file_write_template(fd, template("a\2b"), DEAD_PID), -ENOENT);
	CHECK_TEXT(content(fd), "a");
	close(fd);
}

static void a_template_to_nowhere_is_an_error(void)
{
	CHECK_EQUAL(file_write_template(-1, template("a"), 1), -EBADF);
	CHECK_EQUAL(file_write_template(-1, template("\1"), 1), -EBADF);
}

static void large_templates_are_written_whole(void)
{
	uint32_t size = 3 << 20;
	char *text = malloc(size), *got = malloc(size);
	memset(text, 'x', size);
	int fd = file_from_template("test", (struct plan_bytes){ text, size }, 1);
	CHECK(fd >= 0);
	CHECK_EQUAL(read(fd, got, size), size);
	CHECK(!memcmp(text, got, size));
	close(fd);
	free(text);
	free(got);
}

static void a_file_from_a_template_is_read_from_its_start(void)
{
	char text[16] = "";
	int fd = file_from_template("test", template("pid \1"), 5);
	CHECK(fd >= 0);
	CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQUAL(read(fd, text, sizeof text), 5);
	CHECK_TEXT(text, "pid 5");
	close(fd);
}

static void a_file_whose_template_fails_leaves_no_descriptor(void)
{
	int before = check_open_descriptors();
	CHECK_EQUAL(file_from_template("test", template("\2"), DEAD_PID), -ENOENT);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static int sealed(const char *text)
{
	int from = file_from_template("from", template(text), 1);
	int fd = file_sealed_copy("test", from);
	CHECK(from >= 0 && fd >= 0);
	close(from);
	return fd;
}

static void a_sealed_copy_has_the_content(void)
{
	int fd = sealed("hello");
	CHECK_TEXT(content(fd), "hello");
	CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

static void a_sealed_copy_cannot_be_changed(void)
{
	int fd = sealed("hello");
	CHECK_EQUAL(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	CHECK(pwrite(fd, "j", 1, 0) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 1) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 100) < 0 && errno == EPERM);
	CHECK(mmap(NULL, 5, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK(open(path, O_WRONLY | O_TRUNC) < 0 && errno == EPERM);
	CHECK_TEXT(content(fd), "hello");
	close(fd);
}

static void a_large_file_is_copied_whole(void)
{
	struct stat stat;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = file_sealed_copy("test", from);
	CHECK(fd >= 0 && !fstat(from, &stat));
	CHECK_EQUAL(lseek(fd, 0, SEEK_END), stat.st_size);
	close(from);
	close(fd);
}

static void a_copy_of_what_cannot_be_read_leaves_no_descriptor(void)
{
	int from = open("/", O_PATH | O_CLOEXEC);
	int before = check_open_descriptors();
	CHECK_EQUAL(file_sealed_copy("test", from), -EBADF);
	CHECK_EQUAL(file_sealed_copy("test", -1), -EBADF);
	CHECK_EQUAL(check_open_descriptors(), before);
	close(from);
}

static void one_write_closes_its_descriptor(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC), copy = dup(fd);
	int before = check_open_descriptors();
	CHECK_EQUAL(file_write_once(fd, "text", 4), 0);
	CHECK_EQUAL(check_open_descriptors(), before - 1);
	CHECK_TEXT(content(copy), "text");
	CHECK_EQUAL(file_write_once(open("/dev/full", O_WRONLY), "text", 4), -ENOSPC);
	CHECK_EQUAL(check_open_descriptors(), before - 1);
	close(copy);
}

static void one_write_passes_the_error_of_an_open_on(void)
{
	CHECK_EQUAL(file_write_once(-EACCES, "text", 4), -EACCES);
}

static void write_past_the_limit(void)
{
	struct rlimit limit = { 3, 3 };
	signal(SIGXFSZ, SIG_IGN);
	int fd = open(check_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && !setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_EQUAL(file_write_once(fd, "text", 4), -EIO);
}

static void a_write_cut_short_is_an_error(void)
{
	check_directory();
	check_in_child(write_past_the_limit);
}

static void the_mode_tells_the_type(void)
{
	uint32_t mode;
	int fd = open("/", O_PATH | O_CLOEXEC);
	CHECK_EQUAL(file_mode(fd, &mode), 0);
	CHECK(S_ISDIR(mode));
	close(fd);
	CHECK_EQUAL(file_mode(-1, &mode), -EBADF);
}

static const struct check_test tests[] = {
	TEST(a_template_without_holes_is_copied),
	TEST(holes_are_filled_with_the_pid),
	TEST(holes_are_filled_with_the_start_time),
	TEST(the_start_time_of_no_process_is_an_error),
	TEST(a_template_to_nowhere_is_an_error),
	TEST(large_templates_are_written_whole),
	TEST(a_file_from_a_template_is_read_from_its_start),
	TEST(a_file_whose_template_fails_leaves_no_descriptor),
	TEST(a_sealed_copy_has_the_content),
	TEST(a_sealed_copy_cannot_be_changed),
	TEST(a_large_file_is_copied_whole),
	TEST(a_copy_of_what_cannot_be_read_leaves_no_descriptor),
	TEST(one_write_closes_its_descriptor),
	TEST(one_write_passes_the_error_of_an_open_on),
	TEST(a_write_cut_short_is_an_error),
	TEST(the_mode_tells_the_type),
};
CHECK_MAIN(tests)

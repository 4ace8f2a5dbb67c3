/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum end { PASSED, FAILED, SKIPPED };

#define CHILD_FAILED 101
#define CHILD_SKIPPED 102

static jmp_buf test_end;
static int in_child;
static char skip_reason[256], directory[PATH_MAX];

static _Noreturn void leave(enum end end)
{
	if (!in_child)
		longjmp(test_end, end);
	fflush(stdout);
	_exit(end == FAILED ? CHILD_FAILED : CHILD_SKIPPED);
}

void check_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("# %s:%d: ", file, line);
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	leave(FAILED);
}

void check_equal(const char *file, int line, const char *what, long long got, long long wanted)
{
	if (got != wanted)
		check_fail(file, line, "%s is %lld, not %lld", what, got, wanted);
}

void check_text(const char *file, int line, const char *what, const char *got, const char *wanted)
{
	if (strcmp(got, wanted))
		check_fail(file, line, "%s is \"%s\", not \"%s\"", what, got, wanted);
}

void check_skip(const char *reason)
{
	snprintf(skip_reason, sizeof skip_reason, "%s", reason);
	if (in_child)
		printf("# %s\n", reason);
	leave(SKIPPED);
}

void check_needs_root(void)
{
	if (geteuid())
		check_skip("needs root");
}

void check_in_child(void (*part)(void))
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		in_child = 1;
		part();
		fflush(stdout);
		_exit(0);
	}
	CHECK(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		CHECK_EQUAL(errno, EINTR);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPPED)
		check_skip("not possible here");
	if (WIFSIGNALED(status))
		check_fail(__FILE__, __LINE__, "the child was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		check_fail(__FILE__, __LINE__, "the child exited with status %d", WEXITSTATUS(status));
}

const char *check_directory(void)
{
	if (!*directory) {
		snprintf(directory, sizeof directory, "%s/firkin-test-XXXXXX", getenv("TMPDIR") ?: "/tmp");
		CHECK(mkdtemp(directory));
	}
	return directory;
}

int check_directory_fd(void)
{
	int fd = open(check_directory(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_directory(void)
{
	if (*directory)
		nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	*directory = 0;
}

int check_open_descriptors(void)
{
	int count = 0;
	DIR *descriptors = opendir("/proc/self/fd");
	CHECK(descriptors);
	while (readdir(descriptors))
		count++;
	closedir(descriptors);
	return count;
}

static enum end run_test(const struct check_test *test)
{
	enum end end = (enum end)setjmp(test_end);
	if (end == PASSED)
		test->run();
	remove_directory();
	return end;
}

int check_run(const struct check_test *tests, size_t count)
{
	int failed = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		enum end end = run_test(&tests[i]);
		printf("%s %zu - %s%s%s\n", end == FAILED ? "not ok" : "ok", i + 1, tests[i].name,
		       end == SKIPPED ? " # SKIP " : "", end == SKIPPED ? skip_reason : "");
		failed |= end == FAILED;
	}
	return failed;
}

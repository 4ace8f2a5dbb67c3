/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn_check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plan_maker maker;
struct spawn_outcome outcome;

#define ENVIRONMENT maker_texts(&maker, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")

void add_shell(const char *script)
{
	uint64_t path = maker_texts(&maker, "/bin/sh"), args = maker_texts(&maker, "sh", "-c", script);
	CHECK(maker_add(&maker, PLAN_CHILD, EXEC, path, args, ENVIRONMENT));
}

void add_hook(int section, const char *script, int64_t timeout_ms, uint64_t output)
{
	uint64_t args = maker_texts(&maker, "sh", "-c", script);
	CHECK(maker_add(&maker, section, HOOK, maker_text(&maker, "/bin/sh"), args, ENVIRONMENT, (uint64_t)timeout_ms,
			maker_text(&maker, "pid \1"), output));
}

int check_init(void)
{
	static int init = -1;
	const char *path = getenv("FIRKIN_INIT");
	if (!path)
		check_skip("needs $FIRKIN_INIT");
	if (init >= 0)
		return init;
	int low = spawn_load_init(path);
	CHECK(low >= 0);
	/* Out of the way of tests that fill low descriptors. */
	init = fcntl(low, F_DUPFD_CLOEXEC, 200);
	close(low);
	return init;
}

void start_plan(void)
{
	maker_start(&maker);
	check_init();
}

static int spawn(void)
{
	size_t size;
	void *plan = maker_finish(&maker, &size);
	int r = spawn_plan(plan, size, check_init(), 0, &outcome);
	free(plan);
	return r;
}

void run_plan(void)
{
	int r = spawn();
	if (r)
		check_fail(__FILE__, __LINE__, "%s %u failed: %s %s", outcome.section ? "child" : "parent", outcome.op,
			   strerror(-r), outcome.detail);
	CHECK_EQUAL(outcome.error, 0);
}

void fail_plan(int error, int section, uint32_t op)
{
	CHECK_EQUAL(spawn(), -error);
	CHECK_EQUAL(outcome.error, error);
	CHECK_EQUAL(outcome.section, section);
	CHECK_EQUAL(outcome.op, op);
	CHECK_EQUAL(outcome.pid, 0);
	CHECK_EQUAL(outcome.pidfd, -1);
	CHECK_EQUAL(outcome.terminal, -1);
}

void close_outcome(void)
{
	int *const fds[] = { &outcome.pidfd, &outcome.terminal, &outcome.output };
	for (size_t i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int wait_outcome(void)
{
	CHECK(outcome.pid > 0 && outcome.pidfd >= 0);
	int status = spawn_wait(outcome.pidfd, 60000);
	close_outcome();
	return status;
}

const char *path_of(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", check_directory(), name);
	return path;
}

const char *content_of(const char *name)
{
	static char text[8192];
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof text - 1);
	CHECK(n >= 0);
	close(fd);
	text[n] = 0;
	return text;
}

int exists(const char *name)
{
	return !faccessat(AT_FDCWD, path_of(name), F_OK, AT_SYMLINK_NOFOLLOW);
}

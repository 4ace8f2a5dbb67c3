/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_check.h"
#include "cgroup_files.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void values_are_found_by_their_key(void)
{
	const char *text = "low 1\noom 2\noom_kill 34\npopulated 0\n";
	CHECK_EQUAL(cgroup_value(text, "low"), 1);
	CHECK_EQUAL(cgroup_value(text, "oom"), 2);
	CHECK_EQUAL(cgroup_value(text, "oom_kill"), 34);
	CHECK_EQUAL(cgroup_value(text, "populated"), 0);
	CHECK_EQUAL(cgroup_value("max 7", "max"), 7);
}

static void keys_that_are_not_there_have_no_value(void)
{
	CHECK_EQUAL(cgroup_value("", "low"), -1);
	CHECK_EQUAL(cgroup_value("oom_kill 3\n", "oom"), -1);
	CHECK_EQUAL(cgroup_value("oom 3\n", "oom_kill"), -1);
	CHECK_EQUAL(cgroup_value("low\nlow max\n", "low"), -1);
	CHECK_EQUAL(cgroup_value("high 1\nlow", "low"), -1);
}

static int open_cgroup(void)
{
	CHECK(!mkdir(cgroup_path(), 0755));
	int dir = open(cgroup_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0);
	return dir;
}

static void processes_of_a_cgroup_are_killed(void)
{
	char pid[16];
	int status, dir = open_cgroup(), empty = cgroup_populated(dir);
	pid_t child = fork();
	while (!child)
		pause();
	int size = snprintf(pid, sizeof pid, "%d", child);
	int moved = cgroup_write(dir, "cgroup.procs", pid, (size_t)size), populated = cgroup_populated(dir);
	int killed = cgroup_kill(dir);
	kill(child, SIGKILL * !!killed);
	waitpid(child, &status, 0);
	int after = cgroup_populated(dir);
	close(dir);
	remove_cgroup();
	CHECK_EQUAL(moved, 0);
	CHECK_EQUAL(empty, 0);
	CHECK_EQUAL(populated, 1);
	CHECK_EQUAL(killed, 0);
	CHECK_EQUAL(after, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void files_that_are_not_there_are_errors(void)
{
	char text[16];
	int dir = check_directory_fd();
	CHECK_EQUAL(cgroup_read(dir, "memory.events", text, sizeof text), -ENOENT);
	CHECK_EQUAL(cgroup_write(dir, "cgroup.kill", "1", 1), -ENOENT);
	CHECK_EQUAL(cgroup_populated(dir), -ENOENT);
	CHECK_EQUAL(cgroup_kill(dir), -ENOENT);
	close(dir);
}

static void long_files_are_cut(void)
{
	char text[4];
	int dir = check_directory_fd(), fd = openat(dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK_EQUAL(write(fd, "abcdef", 6), 6);
	close(fd);
	CHECK_EQUAL(cgroup_read(dir, "file", text, sizeof text), 0);
	CHECK_TEXT(text, "abc");
	close(dir);
}

static const struct check_test tests[] = {
	TEST(values_are_found_by_their_key),
	TEST(keys_that_are_not_there_have_no_value),
	TEST(processes_of_a_cgroup_are_killed),
	TEST(files_that_are_not_there_are_errors),
	TEST(long_files_are_cut),
};

CHECK_MAIN(tests)

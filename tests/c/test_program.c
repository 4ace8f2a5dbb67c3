/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that a plan runs as its author, and processes that they leave behind for it. */
#include "cgroup_check.h"
#include "spawn_check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT, ROOT, DIRECTORY, CGROUP };

static void add_program(int section, uint64_t output, const char *script, int64_t timeout_ms)
{
	uint64_t args = maker_texts(&maker, "sh", "-c", script), env = maker_texts(&maker, "PATH=/usr/bin:/bin");
	maker_add(&maker, section, PROGRAM, output, maker_text(&maker, "/bin/sh"), args, env, (uint64_t)timeout_ms);
}

static void add_output(void)
{
	maker_add(&maker, PLAN_PARENT, OPEN_OUTPUT, OUTPUT);
}

static const char *output_text(void)
{
	static char text[256];
	ssize_t n = pread(outcome.output, text, sizeof text - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void a_program_writes_to_the_output(void)
{
	start_plan();
	add_output();
	add_program(PLAN_PARENT, OUTPUT, "read x || echo no input; echo error >&2", -1);
	run_plan();
	CHECK_TEXT(output_text(), "no input\nerror\n");
	close_outcome();
}

static void a_program_that_fails_ends_the_plan_and_the_undo_runs_others(void)
{
	start_plan();
	add_output();
	add_program(PLAN_PARENT, PLAN_NO_SLOT, "exit 7", -1);
	add_program(PLAN_UNDO, OUTPUT, "echo undone", -1);
	add_program(PLAN_UNDO, CGROUP, "echo never was", -1);
	fail_plan(ECHILD, PLAN_PARENT, 1);
	CHECK_TEXT(outcome.detail, "exit status 7");
	CHECK_TEXT(output_text(), "undone\n");
	close_outcome();
}

static void a_program_that_takes_too_long_is_killed(void)
{
	start_plan();
	add_program(PLAN_PARENT, PLAN_NO_SLOT, "exec sleep 1000", 10);
	fail_plan(ETIMEDOUT, PLAN_PARENT, 0);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void add_adoption(const char *script)
{
	char text[512];
	snprintf(text, sizeof text, script, path_of("pid"));
	start_plan();
	maker_add(&maker, PLAN_PARENT, CGROUP_ROOT, ROOT, maker_text(&maker, find_cgroups()));
	maker_add(&maker, PLAN_PARENT, OPEN, DIRECTORY, maker_text(&maker, check_directory()), O_RDONLY | O_DIRECTORY);
	add_program(PLAN_PARENT, PLAN_NO_SLOT, text, -1);
	maker_add(&maker, PLAN_PARENT, ADOPT, CGROUP, ROOT, maker_text(&maker, "firkin-no-such-cgroup"), DIRECTORY,
		  maker_text(&maker, "pid"));
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
}

static void what_a_program_leaves_behind_is_adopted(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	add_adoption("sleep 1000 & echo $! > %s");
	run_plan();
	CHECK(!kill(outcome.pid, SIGTERM));
	CHECK_EQUAL(wait_outcome(), 256 + SIGTERM);
	add_adoption("sleep 1000 & echo $! > %s");
	maker_add(&maker, PLAN_PARENT, OPEN, OUTPUT, maker_text(&maker, "/proc/nonexistent"), O_RDONLY);
	fail_plan(ENOENT, PLAN_PARENT, 4);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void the_process_of_somebody_else_is_not_adopted(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	add_adoption("echo 1 > %s");
	fail_plan(ECHILD, PLAN_PARENT, 3);
	add_adoption("echo none > %s");
	fail_plan(EPROTO, PLAN_PARENT, 3);
	add_adoption("rm %s");
	fail_plan(ENOENT, PLAN_PARENT, 3);
}

static void mount_trees(void)
{
	CHECK(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(!mkdir(path_of("source"), 0700) && !mkdir(path_of("source/inside"), 0700));
	CHECK(!mkdir(path_of("target"), 0700));
	start_plan();
	maker_add(&maker, PLAN_PARENT, OPEN_TREE, 0, maker_text(&maker, path_of("source")), 0);
	maker_add(&maker, PLAN_PARENT, MOUNT, 0, maker_text(&maker, path_of("target")));
	maker_add(&maker, PLAN_UNDO, UNMOUNT, 0, maker_text(&maker, path_of("target")));
	run_plan();
	CHECK(exists("target/inside"));
	CHECK(!umount(path_of("target")));
	/* The second undo is of what never was. */
	maker_add(&maker, PLAN_UNDO, UNMOUNT, 0, maker_text(&maker, path_of("source")));
	maker_add(&maker, PLAN_PARENT, OPEN, 1, maker_text(&maker, "/proc/nonexistent"), O_RDONLY);
	fail_plan(ENOENT, PLAN_PARENT, 2);
	CHECK_EQUAL(outcome.undo_error, 0);
	CHECK(!exists("target/inside"));
}

static void trees_are_mounted_and_undone(void)
{
	check_needs_root();
	check_in_child(mount_trees);
}

static void a_runtime_that_sends_no_terminal_is_told(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, TERMINAL_LISTEN, 0, maker_text(&maker, path_of("console")));
	maker_add(&maker, PLAN_PARENT, TERMINAL_ACCEPT, 0, maker_text(&maker, path_of("console")));
	fail_plan(ENOTTY, PLAN_PARENT, 1);
	CHECK(!exists("console"));
}

static const struct check_test tests[] = {
	TEST(a_program_writes_to_the_output),
	TEST(a_program_that_fails_ends_the_plan_and_the_undo_runs_others),
	TEST(a_program_that_takes_too_long_is_killed),
	TEST(what_a_program_leaves_behind_is_adopted),
	TEST(the_process_of_somebody_else_is_not_adopted),
	TEST(trees_are_mounted_and_undone),
	TEST(a_runtime_that_sends_no_terminal_is_told),
};

CHECK_MAIN(tests)

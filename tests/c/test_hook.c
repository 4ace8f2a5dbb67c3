/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NAME=value", NULL };
static struct spawn_hook hook;
static char *args[4];

static void hook_of(const char *script)
{
	args[0] = "sh";
	args[1] = "-c";
	args[2] = (char *)(uintptr_t)script;
	hook = (struct spawn_hook){ .path = "/bin/sh", .args = args, .env = environment, .timeout_ms = -1,
				    .state = "", .pid = 4711, .output = -1 };
}

static int run_hook(const char *script)
{
	hook_of(script);
	return spawn_hook(&hook);
}

static void give_state(const char *state)
{
	hook.state = state;
	hook.state_size = (uint32_t)strlen(state);
}

/* Runs the hook, which must end well, and returns what it wrote. */
static const char *output(void)
{
	static char text[4096];
	hook.output = memfd_create("output", MFD_CLOEXEC);
	CHECK_EQUAL(spawn_hook(&hook), 0);
	ssize_t n = pread(hook.output, text, sizeof text - 1, 0);
	CHECK(n >= 0);
	text[n] = 0;
	close(hook.output);
	return text;
}

static void nothing_is_left(int descriptors)
{
	CHECK_EQUAL(check_open_descriptors(), descriptors);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void a_hook_that_exits_with_0_is_fine(void)
{
	int before = check_open_descriptors();
	CHECK_EQUAL(run_hook("exit 0"), 0);
	CHECK_TEXT(hook.detail, "");
	nothing_is_left(before);
}

static void another_exit_status_is_told(void)
{
	int before = check_open_descriptors();
	CHECK_EQUAL(run_hook("exit 3"), -ECHILD);
	CHECK_TEXT(hook.detail, "exit status 3");
	CHECK_EQUAL(run_hook("exit 255"), -ECHILD);
	CHECK_TEXT(hook.detail, "exit status 255");
	nothing_is_left(before);
}

static void the_signal_that_ended_it_is_told(void)
{
	CHECK_EQUAL(run_hook("kill -SEGV $$"), -ECHILD);
	CHECK_TEXT(hook.detail, "ended by signal 11");
}

static void a_hook_that_is_not_there_is_told(void)
{
	int before = check_open_descriptors();
	hook_of("");
	hook.path = "/no-such-place";
	CHECK_EQUAL(spawn_hook(&hook), -ENOENT);
	hook.path = "/etc/passwd";
	CHECK_EQUAL(spawn_hook(&hook), -EACCES);
	nothing_is_left(before);
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void a_hook_is_killed_at_its_timeout(void)
{
	int before = check_open_descriptors();
	long long start = now_ms();
	hook_of("trap '' TERM INT; exec sleep 1000");
	hook.timeout_ms = 50;
	CHECK_EQUAL(spawn_hook(&hook), -ETIMEDOUT);
	CHECK(now_ms() - start >= 50 && now_ms() - start < 30000);
	nothing_is_left(before);
}

static void a_hook_that_ends_before_its_timeout_is_fine(void)
{
	hook_of("exit 0");
	hook.timeout_ms = 60000;
	CHECK_EQUAL(spawn_hook(&hook), 0);
}

static void both_streams_go_to_the_output(void)
{
	hook_of("echo out; echo err >&2; echo $NAME");
	CHECK_TEXT(output(), "out\nerr\nvalue\n");
}

static void output_is_kept_when_the_hook_fails(void)
{
	char text[64] = "";
	hook_of("echo why; exit 1");
	hook.output = memfd_create("output", MFD_CLOEXEC);
	CHECK_EQUAL(spawn_hook(&hook), -ECHILD);
	CHECK_EQUAL(pread(hook.output, text, sizeof text, 0), 4);
	CHECK_TEXT(text, "why\n");
	close(hook.output);
}

static void the_state_is_on_standard_input(void)
{
	hook_of("cat");
	give_state("{\"pid\":\1,\"id\":\"x\"}");
	CHECK_TEXT(output(), "{\"pid\":4711,\"id\":\"x\"}");
}

static void an_empty_state_is_the_end_of_the_file(void)
{
	hook_of("cat; echo done");
	CHECK_TEXT(output(), "done\n");
}

static char *large_state(size_t size)
{
	char *state = malloc(size + 1);
	memset(state, 'x', size);
	state[size] = 0;
	return state;
}

static void a_large_state_arrives_whole(void)
{
	char *state = large_state(4 << 20);
	hook_of("wc -c");
	give_state(state);
	CHECK_TEXT(output(), "4194304\n");
	free(state);
}

static void a_large_state_that_nobody_reads_does_not_block(void)
{
	char *state = large_state(4 << 20);
	hook_of("exit 0");
	give_state(state);
	hook.timeout_ms = 60000;
	CHECK_EQUAL(spawn_hook(&hook), 0);
	free(state);
}

static void run_with_open_descriptors(void)
{
	for (int fd = 3; fd < 8; fd++)
		CHECK_EQUAL(dup2(2, fd), fd);
	hook_of("for fd in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$fd && echo $fd; done; :");
	CHECK_TEXT(output(), "");
}

static void a_hook_inherits_no_descriptors(void)
{
	check_in_child(run_with_open_descriptors);
}

static void ignore_broken_pipes(void)
{
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQUAL(run_hook("kill -PIPE $$; exit 0"), -ECHILD);
	CHECK_TEXT(hook.detail, "ended by signal 13");
}

static void a_hook_does_not_inherit_ignored_signals(void)
{
	check_in_child(ignore_broken_pipes);
}

static const struct check_test tests[] = {
	TEST(a_hook_that_exits_with_0_is_fine),
	TEST(another_exit_status_is_told),
	TEST(the_signal_that_ended_it_is_told),
	TEST(a_hook_that_is_not_there_is_told),
	TEST(a_hook_is_killed_at_its_timeout),
	TEST(a_hook_that_ends_before_its_timeout_is_fine),
	TEST(both_streams_go_to_the_output),
	TEST(output_is_kept_when_the_hook_fails),
	TEST(the_state_is_on_standard_input),
	TEST(an_empty_state_is_the_end_of_the_file),
	TEST(a_large_state_arrives_whole),
	TEST(a_large_state_that_nobody_reads_does_not_block),
	TEST(a_hook_inherits_no_descriptors),
	TEST(a_hook_does_not_inherit_ignored_signals),
};
CHECK_MAIN(tests)

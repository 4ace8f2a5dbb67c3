/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of containers under a monitor: a start that fails, output, terminals, the end. */
#include "cgroup_check.h"
#include "log_check.h"
#include "monitor_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct message message;

static void output_is_logged_and_the_end_recorded(void)
{
	shell_monitor("echo out; echo err >&2; printf part; exit 7", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	const char *records = records_of("log");
	CHECK(strstr(records, "stdout F out\n") && strstr(records, "stderr F err\n"));
	CHECK(strstr(records, "stdout P part\n"));
	CHECK_EQUAL(exit_field("pid"), answer.pid);
	CHECK_EQUAL(exit_field("code"), 7);
	CHECK_EQUAL(exit_field("signal"), 0);
	CHECK_EQUAL(exit_field("started_ns"), answer.started_ns);
	CHECK(exit_field("exited_ns") >= answer.started_ns);
	CHECK(!exists(MONITOR_SOCKET) && !exists("." MONITOR_EXIT));
}

static void the_signal_that_ends_it_is_recorded(void)
{
	shell_monitor("kill -9 $$", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("signal"), SIGKILL);
	CHECK_EQUAL(exit_field("code"), 0);
}

static void standard_input_is_empty_if_nobody_asked_for_it(void)
{
	shell_monitor("test /dev/null -ef /proc/self/fd/0 && read line; exit $((9 + $?))", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 10);
}

static void the_container_has_its_streams_alone(void)
{
	shell_monitor("for fd in /proc/self/fd/*; do readlink $fd; done | grep -c pipe:; ls /proc/self/fd | wc -l", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	/* ls(1) holds its directory too. */
	CHECK(strstr(records_of("log"), "stdout F 4\n"));
}

static void without_a_log_the_container_runs(void)
{
	shell_monitor("echo text", 0);
	request.order.log_name[0] = 0;
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK(!exists("log"));
	CHECK_EQUAL(exit_field("code"), 0);
}

static void a_program_that_is_not_there_is_told(void)
{
	shell_monitor("", 0);
	maker.counts[PLAN_CHILD] = 0;
	uint64_t none = maker_texts(&maker, "/proc/nonexistent/firkin");
	maker_add(&maker, PLAN_CHILD, UMASK, 022);
	maker_add(&maker, PLAN_CHILD, EXEC, none, none, none);
	fail_monitor(MONITOR_AT_PLAN, ENOENT);
	CHECK_EQUAL(answer.section, PLAN_CHILD);
	CHECK_EQUAL(answer.op, 1);
	CHECK_EQUAL(answer.undo_error, 0);
}

static void what_a_failed_hook_wrote_is_told(void)
{
	int pidfd, output;
	char text[16] = "";
	shell_monitor("exec sleep 1000", 0);
	maker.counts[PLAN_PARENT] = 0;
	maker_add(&maker, PLAN_PARENT, OPEN_OUTPUT, 3);
	add_hook(PLAN_PARENT, "echo words; exit 3", -1, 3);
	begin_monitor();
	CHECK_EQUAL(monitor_receive_answer(request.socket, &answer, &pidfd, &output), 0);
	CHECK_EQUAL(answer.error, ECHILD);
	CHECK_TEXT(answer.detail, "exit status 3");
	CHECK_EQUAL(pidfd, -1);
	CHECK_EQUAL(pread(output, text, sizeof text - 1, 0), 6);
	CHECK_TEXT(text, "words\n");
	close(output);
	close(request.socket);
	CHECK_EQUAL(wait_monitor(), 1);
}

static void what_a_container_wrote_before_its_start_failed_is_logged(void)
{
	char script[4300];
	snprintf(script, sizeof script, "echo text; echo > %s; exec sleep 1000", path_of("fifo"));
	CHECK(!mkfifo(path_of("fifo"), 0600));
	shell_monitor(script, 0);
	snprintf(script, sizeof script, "read line < %s; exit 1", path_of("fifo"));
	add_hook(PLAN_PARENT, script, -1, PLAN_NO_SLOT);
	fail_monitor(MONITOR_AT_PLAN, ECHILD);
	CHECK_TEXT(records_of("log"), "stdout F text\n");
}

static void a_log_that_can_not_be_opened_is_told(void)
{
	shell_monitor("exit 0", 0);
	strcpy(request.order.log_name, "no/log");
	fail_monitor(MONITOR_AT_LOG, ENOENT);
}

static void a_record_that_can_not_be_made_is_told(void)
{
	shell_monitor("exit 0", 0);
	CHECK(!mkdir(path_of("." MONITOR_EXIT), 0700));
	begin_monitor();
	receive_answer();
	CHECK_EQUAL(answer.stage, MONITOR_AT_RECORD);
	CHECK_EQUAL(answer.error, EISDIR);
	CHECK_EQUAL(wait_monitor(), 1);
}

static void an_order_of_nonsense_is_refused(void)
{
	for (int i = 0; i < 4; i++) {
		shell_monitor("exit 0", 0);
		if (i < 2)
			request.order.max_line = i ? MONITOR_MAX_LINE + 1 : 0;
		else if (i == 2)
			request.order.stall_ms = UINT32_MAX;
		else
			memset(request.order.log_name, 'n', MONITOR_NAME);
		fail_monitor(MONITOR_AT_ORDER, EINVAL);
	}
}

static void a_plan_of_nonsense_is_refused(void)
{
	shell_monitor("exit 0", 0);
	maker.slots = PLAN_MAX_SLOTS + 1;
	fail_monitor(MONITOR_AT_PLAN, EINVAL);
	CHECK_EQUAL(answer.section, -1);
}

static void a_plan_that_starts_nothing_is_refused(void)
{
	shell_monitor("exit 0", 0);
	maker.counts[PLAN_PARENT] = 0;
	fail_monitor(MONITOR_AT_PLAN, ESRCH);
}

/* As begin_monitor(), for what may fail. */
static int try_to_start(void)
{
	size_t size;
	void *plan = maker_finish(&maker, &size);
	int directory = check_directory_fd();
	request.plan = plan;
	request.plan_size = size;
	request.init = check_init();
	request.directory = directory;
	int r = monitor_start(&request);
	close(directory);
	free(plan);
	return r;
}

static void a_monitor_that_is_not_there_is_an_error(void)
{
	shell_monitor("exit 0", 0);
	request.program = "/proc/nonexistent/firkin";
	check_init();
	int before = check_open_descriptors();
	CHECK_EQUAL(try_to_start(), -ENOENT);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK(!exists(MONITOR_SOCKET));
}

static void a_directory_has_one_monitor(void)
{
	shell_monitor("read line; exit 5", MONITOR_STDIN | MONITOR_STDIN_ONCE);
	start_monitor();
	int pidfd = request.pidfd, before = check_open_descriptors();
	CHECK_EQUAL(try_to_start(), -EBUSY);
	CHECK_EQUAL(check_open_descriptors(), before);
	request.pidfd = pidfd;
	close(attach_client(MONITOR_TO_STDIN));
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 5);
}

static void the_place_of_a_killed_monitor_is_taken(void)
{
	shell_monitor("read line", MONITOR_STDIN);
	start_monitor();
	int orphan = answer.pid;
	CHECK(!kill(request.pid, SIGKILL));
	CHECK_EQUAL(wait_monitor(), 256 + SIGKILL);
	CHECK(exists(MONITOR_SOCKET) && exists("." MONITOR_EXIT) && !exists(MONITOR_EXIT));
	kill(orphan, SIGKILL);
	shell_monitor("exit 6", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 6);
}

static void a_caller_that_is_gone_is_not_needed(void)
{
	shell_monitor("echo text; exit 4", 0);
	begin_monitor();
	close(request.socket);
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 4);
	CHECK_TEXT(records_of("log"), "stdout F text\n");
}

static void the_socket_is_for_its_owner(void)
{
	struct stat stat;
	shell_monitor("read line", MONITOR_STDIN);
	start_monitor();
	CHECK_EQUAL(answer.start_time, spawn_start_time(answer.pid));
	CHECK(!lstat(path_of(MONITOR_SOCKET), &stat));
	CHECK_EQUAL(stat.st_mode, S_IFSOCK | 0600);
	CHECK_EQUAL(kill(answer.pid, SIGKILL), 0);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void streams_that_are_closed_early_are_fine(void)
{
	shell_monitor("echo text; exec >&- 2>&-; sleep 0.01; exit 8", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 8);
	CHECK_TEXT(records_of("log"), "stdout F text\n");
}

/* What the orphan holds does not keep the end from coming. */
static void an_orphan_with_the_streams_is_not_waited_for(void)
{
	shell_monitor("sleep 1000 & echo $!; exit 2", 0);
	start_monitor();
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 2);
	int orphan = atoi(records_of("log") + strlen("stdout F "));
	CHECK(orphan > 0 && !kill(orphan, SIGKILL));
}

enum { CGROUPS = 20, CGROUP };

/* As the container's, but in a cgroup. */
static void cgroup_monitor(const char *script)
{
	shell_monitor(script, 0);
	maker.counts[PLAN_PARENT] = 0;
	maker_add(&maker, PLAN_PARENT, CGROUP_ROOT, CGROUPS, maker_text(&maker, find_cgroups()));
	maker_add(&maker, PLAN_PARENT, CGROUP_MAKE, CGROUP, CGROUPS, maker_text(&maker, cgroup_name()), 1);
	maker_add(&maker, PLAN_PARENT, CLONE, 0, CGROUP);
	maker_add(&maker, PLAN_PARENT, AWAIT_EXEC);
	start_monitor();
}

static void the_rest_of_the_container_is_killed(void)
{
	cgroup_monitor("(sleep 1000; echo never) & (setsid sleep 1000) & echo begin; exit 6");
	int status = wait_monitor();
	int removed = rmdir(cgroup_path());
	CHECK_EQUAL(status, 0);
	CHECK_EQUAL(removed, 0);
	CHECK_EQUAL(exit_field("code"), 6);
	CHECK_TEXT(records_of("log"), "stdout F begin\n");
}

static void orphans_are_reaped(void)
{
	shell_monitor("(sleep 1000 & echo $!); read line", MONITOR_STDIN);
	start_monitor();
	int asks = connect_client();
	do {
		send_message(asks, MONITOR_STATUS, 0);
		expect_message(asks, &message, MONITOR_STATUS);
	} while (!*content_of("log"));
	int orphan = atoi(records_of("log") + strlen("stdout F "));
	int pidfd = (int)syscall(SYS_pidfd_open, orphan, 0);
	CHECK(pidfd >= 0);
	kill(orphan, SIGKILL);
	struct pollfd dead = { pidfd, POLLIN, 0 };
	CHECK_EQUAL(poll(&dead, 1, 60000), 1);
	/* In the first of these turns of the monitor's loop, or in the second. */
	for (int i = 0; i < 2; i++) {
		send_message(asks, MONITOR_STATUS, 0);
		expect_message(asks, &message, MONITOR_STATUS);
	}
	CHECK(kill(orphan, 0) < 0 && errno == ESRCH);
	close(pidfd);
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void signals_do_not_end_it(void)
{
	ready_monitor("exit 9", 0);
	int in = attach_client(MONITOR_TO_STDIN);
	for (int signal = 1; signal < 32; signal++)
		if (signal != SIGKILL && signal != SIGSTOP)
			CHECK(!kill(request.pid, signal));
	send_stdin(in, "\n", 1);
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 9);
}

static void terminal_monitor(const char *script)
{
	check_needs_root();
	shell_monitor(script, MONITOR_TERMINAL | MONITOR_STDIN);
	maker.counts[PLAN_CHILD] = 0;
	maker_add(&maker, PLAN_CHILD, OPEN, 0, maker_text(&maker, "/"), O_PATH | O_DIRECTORY);
	maker_add(&maker, PLAN_CHILD, SETSID);
	maker_add(&maker, PLAN_CHILD, TERMINAL, 0, 33, 99, 0);
	add_shell(script);
	start_monitor();
}

static void a_terminal_is_one_stream(void)
{
	terminal_monitor("read line; echo out; echo err >&2; tty -s && exit 3");
	int client = attach_client(MONITOR_TO_STDIN | MONITOR_FROM_STDOUT | MONITOR_FROM_STDERR);
	send_stdin(client, "go\n", 3);
	CHECK_TEXT(read_stream(client, MONITOR_STDOUT_DATA), "go\r\nout\r\nerr\r\n");
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 3);
	CHECK_TEXT(records_of("log"), "stdout F go\nstdout F out\nstdout F err\n");
}

static void a_terminal_is_resized(void)
{
	terminal_monitor("stty size; read line; stty size");
	int client = attach_client(MONITOR_TO_STDIN | MONITOR_FROM_STDOUT), other = connect_client();
	send_message(other, MONITOR_RESIZE, 40 << 16 | 120);
	expect_message(other, &message, MONITOR_DONE);
	CHECK_EQUAL(message.head.value, 0);
	send_stdin(client, "\n", 1);
	CHECK(strstr(read_stream(client, MONITOR_STDOUT_DATA), "40 120\r\n"));
	CHECK_EQUAL(wait_monitor(), 0);
}

static void a_terminal_that_is_closed_may_be_opened_again(void)
{
	terminal_monitor("terminal=$(tty); exec <&- >&- 2>&-; sleep 0.01; echo again > $terminal; exit 4");
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 4);
	CHECK_TEXT(records_of("log"), "stdout F again\n");
}

static void a_terminal_has_no_end_of_input(void)
{
	terminal_monitor("read line; echo $line");
	int first = attach_client(MONITOR_TO_STDIN), client;
	send_message(first, MONITOR_CLOSE_STDIN, 0);
	close(first);
	client = attach_client(MONITOR_TO_STDIN | MONITOR_FROM_STDOUT);
	send_stdin(client, "text\n", 5);
	CHECK_TEXT(read_stream(client, MONITOR_STDOUT_DATA), "text\r\ntext\r\n");
	CHECK_EQUAL(wait_monitor(), 0);
}

static const struct check_test tests[] = {
	TEST(output_is_logged_and_the_end_recorded),
	TEST(the_signal_that_ends_it_is_recorded),
	TEST(standard_input_is_empty_if_nobody_asked_for_it),
	TEST(the_container_has_its_streams_alone),
	TEST(without_a_log_the_container_runs),
	TEST(a_program_that_is_not_there_is_told),
	TEST(what_a_failed_hook_wrote_is_told),
	TEST(what_a_container_wrote_before_its_start_failed_is_logged),
	TEST(a_log_that_can_not_be_opened_is_told),
	TEST(a_record_that_can_not_be_made_is_told),
	TEST(an_order_of_nonsense_is_refused),
	TEST(a_plan_of_nonsense_is_refused),
	TEST(a_plan_that_starts_nothing_is_refused),
	TEST(a_monitor_that_is_not_there_is_an_error),
	TEST(a_directory_has_one_monitor),
	TEST(the_place_of_a_killed_monitor_is_taken),
	TEST(a_caller_that_is_gone_is_not_needed),
	TEST(the_socket_is_for_its_owner),
	TEST(streams_that_are_closed_early_are_fine),
	TEST(an_orphan_with_the_streams_is_not_waited_for),
	TEST(the_rest_of_the_container_is_killed),
	TEST(orphans_are_reaped),
	TEST(signals_do_not_end_it),
	TEST(a_terminal_is_one_stream),
	TEST(a_terminal_is_resized),
	TEST(a_terminal_that_is_closed_may_be_opened_again),
	TEST(a_terminal_has_no_end_of_input),
};


static int run_tests(void)
{
	return check_run(tests, sizeof tests / sizeof tests[0]);
}

int main(int argc, char **argv)
{
	return monitor_main(argc, argv, run_tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of a monitor send and get, and what becomes of those that do not behave. */
#include "log_check.h"
#include "monitor_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct message message;

static void clients_get_what_is_written(void)
{
	ready_monitor("echo out; echo err >&2; exit 5", 0);
	int out = attach_client(MONITOR_FROM_STDOUT), both = attach_client(MONITOR_FROM_STDOUT | MONITOR_FROM_STDERR);
	int in = attach_client(MONITOR_TO_STDIN);
	send_stdin(in, "\n", 1);
	CHECK_TEXT(read_stream(out, MONITOR_STDOUT_DATA), "out\n");
	CHECK_TEXT(read_stream(both, MONITOR_STDERR_DATA), "err\n");
	CHECK_TEXT(read_stream(in, MONITOR_STDOUT_DATA), "");
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_TEXT(records_of("log"), "stdout F out\nstderr F err\n");
}

static void the_status_is_told(void)
{
	ready_monitor("exit 5", 0);
	int client = connect_client();
	send_message(client, MONITOR_STATUS, 0);
	expect_message(client, &message, MONITOR_STATUS);
	CHECK_EQUAL(message.size, sizeof message.status);
	CHECK_EQUAL(message.status.monitor, request.pid);
	CHECK_EQUAL(message.status.pid, answer.pid);
	CHECK_EQUAL(message.status.started_ns, answer.started_ns);
	CHECK_EQUAL(message.status.exited_ns, 0);
	CHECK_EQUAL(message.status.lost_records, 0);
	send_stdin(attach_client(MONITOR_TO_STDIN), "\n", 1);
	expect_message(client, &message, MONITOR_EXITED);
	CHECK_EQUAL(message.status.code, 5);
	CHECK(message.status.exited_ns > 0);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void standard_input_arrives_whole(void)
{
	enum { SIZE = 1 << 20 };
	static char data[SIZE];
	shell_monitor("cat", MONITOR_STDIN);
	request.order.log_name[0] = 0;
	start_monitor();
	int in = attach_client(MONITOR_TO_STDIN), out = attach_client(MONITOR_FROM_STDOUT);
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)('a' + i * 31 % 26);
	if (!fork()) {
		/* Nobody reads what comes back yet, so both directions fill up. */
		for (size_t at = 0; at < SIZE; at += MONITOR_PACKET)
			send_stdin(in, data + at, MONITOR_PACKET);
		send_message(in, MONITOR_CLOSE_STDIN, 0);
		_exit(0);
	}
	close(in);
	const char *got = read_stream(out, MONITOR_STDOUT_DATA);
	CHECK_EQUAL(strlen(got), SIZE);
	CHECK(!memcmp(got, data, SIZE));
	CHECK_EQUAL(wait_monitor(), 0);
}

static void standard_input_ends_with_its_first_client(void)
{
	shell_monitor("cat; exit 3", MONITOR_STDIN | MONITOR_STDIN_ONCE);
	start_monitor();
	int in = attach_client(MONITOR_TO_STDIN), out = attach_client(MONITOR_FROM_STDOUT);
	send_stdin(in, "text", 4);
	close(in);
	CHECK_TEXT(read_stream(out, MONITOR_STDOUT_DATA), "text");
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 3);
}

static void standard_input_stays_open_between_clients(void)
{
	shell_monitor("read a; read b; echo $a$b", MONITOR_STDIN);
	start_monitor();
	int out = attach_client(MONITOR_FROM_STDOUT);
	for (int i = 0; i < 2; i++) {
		int in = attach_client(MONITOR_TO_STDIN);
		send_stdin(in, i ? "two\n" : "one\n", 4);
		close(in);
	}
	CHECK_TEXT(read_stream(out, MONITOR_STDOUT_DATA), "onetwo\n");
	CHECK_EQUAL(wait_monitor(), 0);
}

static void attached_clients_learn_whether_there_is_input(void)
{
	ready_monitor("echo; exec sleep 1000", 0);
	int client = connect_client();
	send_message(client, MONITOR_ATTACH, MONITOR_TO_STDIN | MONITOR_FROM_STDOUT);
	expect_message(client, &message, MONITOR_ATTACHED);
	CHECK_EQUAL(message.head.value, MONITOR_STDIN);
	send_message(client, MONITOR_CLOSE_STDIN, 0);
	expect_message(client, &message, MONITOR_STDOUT_DATA);
	send_message(client, MONITOR_ATTACH, MONITOR_FROM_STDOUT);
	expect_message(client, &message, MONITOR_ATTACHED);
	CHECK_EQUAL(message.head.value, 0);
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void input_from_who_is_not_attached_is_none(void)
{
	shell_monitor("cat", MONITOR_STDIN);
	start_monitor();
	int client = connect_client(), out = attach_client(MONITOR_FROM_STDOUT | MONITOR_TO_STDIN);
	send_stdin(client, "no", 2);
	send_message(client, MONITOR_STATUS, 0);
	expect_message(client, &message, MONITOR_STATUS);
	send_stdin(out, "yes", 3);
	send_message(out, MONITOR_CLOSE_STDIN, 0);
	CHECK_TEXT(read_stream(out, MONITOR_STDOUT_DATA), "yes");
	CHECK_EQUAL(wait_monitor(), 0);
}

/* Writes more than all buffers hold. */
#define FLOOD "i=0; while test $i -lt 20000; do echo 0123456789012345678901234567890123456789012345678; i=$((i + 1)); done"
#define FLOOD_SIZE 1000000

static void a_client_that_stalls_is_dropped(void)
{
	char wanted[64];
	shell_monitor("read line; " FLOOD, MONITOR_STDIN);
	request.order.stall_ms = 100;
	start_monitor();
	int stalled = attach_client(MONITOR_FROM_STDOUT), in = attach_client(MONITOR_TO_STDIN);
	send_stdin(in, "\n", 1);
	CHECK_EQUAL(wait_monitor(), 0);
	size_t size = 0;
	while (receive_message(stalled, &message))
		size += message.size;
	CHECK(size > 0 && size < FLOOD_SIZE);
	const char *last = strrchr(content_of("log"), '\n');
	CHECK(last);
	struct stat stat;
	CHECK(!lstat(path_of("log"), &stat));
	CHECK_EQUAL(stat.st_size, 20000 * (50 + LOG_HEAD));
	snprintf(wanted, sizeof wanted, "lost_records 0\n");
	CHECK(strstr(exit_record(), wanted));
}

static void a_client_that_is_slow_gets_everything(void)
{
	ready_monitor(FLOOD, 0);
	int slow = attach_client(MONITOR_FROM_STDOUT), fast = attach_client(MONITOR_FROM_STDOUT | MONITOR_TO_STDIN);
	send_stdin(fast, "\n", 1);
	if (!fork()) {
		_exit(strlen(read_stream(fast, MONITOR_STDOUT_DATA)) != FLOOD_SIZE);
	}
	/* Nothing moves any more when the buffers are full: then this one begins. */
	struct pollfd full = { slow, POLLIN, 0 };
	CHECK_EQUAL(poll(&full, 1, 60000), 1);
	CHECK_EQUAL(strlen(read_stream(slow, MONITOR_STDOUT_DATA)), FLOOD_SIZE);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void a_client_that_leaves_in_the_middle_is_forgotten(void)
{
	ready_monitor(FLOOD, 0);
	int leaves = attach_client(MONITOR_FROM_STDOUT), stays = attach_client(MONITOR_FROM_STDOUT | MONITOR_TO_STDIN);
	send_stdin(stays, "\n", 1);
	expect_message(leaves, &message, MONITOR_STDOUT_DATA);
	close(leaves);
	CHECK_EQUAL(strlen(read_stream(stays, MONITOR_STDOUT_DATA)), FLOOD_SIZE);
	CHECK_EQUAL(wait_monitor(), 0);
}

/* Its messages wait in its queue when it is gone already. */
static void input_of_a_client_that_is_gone_is_not_lost(void)
{
	static char data[MONITOR_PACKET];
	char script[4200];
	snprintf(script, sizeof script, "read line < %s; wc -c", path_of("fifo"));
	shell_monitor(script, MONITOR_STDIN | MONITOR_STDIN_ONCE);
	CHECK(!mkfifo(path_of("fifo"), 0600));
	start_monitor();
	int in = attach_client(MONITOR_TO_STDIN), out = attach_client(MONITOR_FROM_STDOUT);
	/* More than a pipe holds, and less than the socket. */
	for (int i = 0; i < 6; i++)
		send_stdin(in, data, sizeof data);
	close(in);
	int fifo = open(path_of("fifo"), O_WRONLY | O_CLOEXEC);
	CHECK_EQUAL(write(fifo, "\n", 1), 1);
	close(fifo);
	CHECK_EQUAL(atoi(read_stream(out, MONITOR_STDOUT_DATA)), 6 * MONITOR_PACKET);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void a_question_is_answered_while_input_waits(void)
{
	static char data[MONITOR_PACKET];
	shell_monitor("exec sleep 1000", MONITOR_STDIN);
	start_monitor();
	int in = attach_client(MONITOR_TO_STDIN), other = attach_client(MONITOR_TO_STDIN), asks = connect_client();
	for (int i = 0; i < 6; i++)
		send_stdin(in, data, sizeof data);
	send_stdin(other, data, sizeof data);
	for (int i = 0; i < 3; i++) {
		send_message(asks, MONITOR_STATUS, 0);
		expect_message(asks, &message, MONITOR_STATUS);
	}
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void input_for_nobody_is_dropped(void)
{
	static char data[MONITOR_PACKET];
	shell_monitor("exec <&-; echo closed; exec sleep 1000", MONITOR_STDIN);
	start_monitor();
	int client = attach_client(MONITOR_TO_STDIN | MONITOR_FROM_STDOUT);
	int asks = connect_client();
	/* It may have closed its input before or after this one was attached. */
	for (int i = 0; i < 10; i++) {
		send_stdin(client, data, sizeof data);
		send_message(asks, MONITOR_STATUS, 0);
		expect_message(asks, &message, MONITOR_STATUS);
	}
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void the_log_is_opened_again_when_asked(void)
{
	ready_monitor("echo one; read line; echo two; read line", 0);
	int client = attach_client(MONITOR_TO_STDIN | MONITOR_FROM_STDOUT);
	int directory = check_directory_fd();
	send_stdin(client, "\n", 1);
	/* What clients get is in the log already. */
	expect_message(client, &message, MONITOR_STDOUT_DATA);
	CHECK(!renameat(directory, "log", directory, "log.1"));
	send_message(client, MONITOR_REOPEN_LOG, 0);
	expect_message(client, &message, MONITOR_DONE);
	CHECK_EQUAL(message.head.value, 0);
	send_stdin(client, "\n", 1);
	expect_message(client, &message, MONITOR_STDOUT_DATA);
	CHECK_TEXT(records_of("log.1"), "stdout F one\n");
	CHECK_TEXT(records_of("log"), "stdout F two\n");
	/* One that can not be opened leaves the old one. */
	CHECK(!unlinkat(directory, "log", 0) && !mkdirat(directory, "log", 0700));
	send_message(client, MONITOR_REOPEN_LOG, 0);
	expect_message(client, &message, MONITOR_DONE);
	CHECK_EQUAL(message.head.value, EISDIR);
	send_stdin(client, "\n", 1);
	CHECK_EQUAL(wait_monitor(), 0);
	close(directory);
}

static void a_size_without_a_terminal_is_refused(void)
{
	ready_monitor("exit 0", 0);
	int client = connect_client();
	send_message(client, MONITOR_RESIZE, 24 << 16 | 80);
	expect_message(client, &message, MONITOR_DONE);
	CHECK_EQUAL(message.head.value, ENOTTY);
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void what_makes_no_sense_ends_the_connection(void)
{
	static char large[MONITOR_PACKET + sizeof(struct monitor_head) + 1] = { MONITOR_STDIN_DATA };
	static const struct {
		uint32_t words[3];
		size_t size;
	} bad[] = { { { 0, 0 }, 8 }, { { 99, 0 }, 8 }, { { MONITOR_EXITED, 0 }, 8 }, { { MONITOR_STATUS, 0, 0 }, 12 },
		    { { MONITOR_STATUS }, 4 }, { { MONITOR_STDIN_DATA }, 7 }, { { UINT32_MAX, UINT32_MAX }, 8 } };
	ready_monitor("exit 6", 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int client = attach_client(MONITOR_FROM_STDOUT);
		CHECK(send(client, bad[i].words, bad[i].size, 0) > 0);
		CHECK(!receive_message(client, &message));
		close(client);
	}
	int client = attach_client(MONITOR_TO_STDIN);
	CHECK(send(client, large, sizeof large, 0) > 0);
	CHECK(!receive_message(client, &message));
	close(client);
	send_stdin(attach_client(MONITOR_TO_STDIN), "\n", 1);
	CHECK_EQUAL(wait_monitor(), 0);
	CHECK_EQUAL(exit_field("code"), 6);
}

static void there_is_always_room_for_a_question(void)
{
	int clients[64], asks;
	unsigned count = 0;
	ready_monitor("exit 0", 0);
	for (;; count++) {
		CHECK(count < 64);
		clients[count] = connect_client();
		send_message(clients[count], MONITOR_ATTACH, MONITOR_FROM_STDOUT);
		CHECK(receive_message(clients[count], &message));
		if (message.head.type == MONITOR_DONE)
			break;
	}
	CHECK_EQUAL(message.head.value, EBUSY);
	CHECK_EQUAL(count, 24);
	asks = connect_client();
	send_message(asks, MONITOR_STATUS, 0);
	expect_message(asks, &message, MONITOR_STATUS);
	/* Who finds no place waits for one. */
	for (unsigned i = count + 1; i < 64; i++)
		clients[i] = connect_client();
	send_message(clients[63], MONITOR_STATUS, 0);
	for (unsigned i = 0; i < 63; i++)
		close(clients[i]);
	expect_message(clients[63], &message, MONITOR_STATUS);
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static void who_left_with_input_waiting_makes_room(void)
{
	static char data[MONITOR_PACKET];
	shell_monitor("exec sleep 1000", MONITOR_STDIN);
	start_monitor();
	int first = attach_client(MONITOR_TO_STDIN);
	for (int i = 0; i < 6; i++)
		send_stdin(first, data, sizeof data);
	for (int i = 0; i < 60; i++) {
		int client = attach_client(MONITOR_TO_STDIN);
		send_stdin(client, data, 1);
		close(client);
	}
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

/* Who finds no descriptor left waits until there is one. */
static void clients_may_outnumber_descriptors(void)
{
	int clients[32];
	ready_monitor("exit 0", 0);
	/* The first ones fit. */
	CHECK(!prlimit(request.pid, RLIMIT_NOFILE, &(struct rlimit){ 40, 1024 }, NULL));
	for (int i = 0; i < 32; i++) {
		clients[i] = connect_client();
		send_message(clients[i], MONITOR_STATUS, 0);
	}
	expect_message(clients[0], &message, MONITOR_STATUS);
	CHECK(!prlimit(request.pid, RLIMIT_NOFILE, &(struct rlimit){ 1024, 1024 }, NULL));
	for (int i = 1; i < 32; i++)
		expect_message(clients[i], &message, MONITOR_STATUS);
	for (int i = 0; i < 32; i++)
		close(clients[i]);
	kill(answer.pid, SIGKILL);
	CHECK_EQUAL(wait_monitor(), 0);
}

static const struct check_test tests[] = {
	TEST(clients_get_what_is_written),
	TEST(the_status_is_told),
	TEST(standard_input_arrives_whole),
	TEST(standard_input_ends_with_its_first_client),
	TEST(standard_input_stays_open_between_clients),
	TEST(attached_clients_learn_whether_there_is_input),
	TEST(input_from_who_is_not_attached_is_none),
	TEST(a_client_that_stalls_is_dropped),
	TEST(a_client_that_is_slow_gets_everything),
	TEST(a_client_that_leaves_in_the_middle_is_forgotten),
	TEST(input_of_a_client_that_is_gone_is_not_lost),
	TEST(a_question_is_answered_while_input_waits),
	TEST(input_for_nobody_is_dropped),
	TEST(the_log_is_opened_again_when_asked),
	TEST(a_size_without_a_terminal_is_refused),
	TEST(what_makes_no_sense_ends_the_connection),
	TEST(there_is_always_room_for_a_question),
	TEST(who_left_with_input_waiting_makes_room),
	TEST(clients_may_outnumber_descriptors),
};

static int run_tests(void)
{
	return check_run(tests, sizeof tests / sizeof tests[0]);
}

int main(int argc, char **argv)
{
	return monitor_main(argc, argv, run_tests);
}

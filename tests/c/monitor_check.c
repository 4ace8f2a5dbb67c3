/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor_check.h"
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "firkin-monitor"

struct monitor_request request;
struct monitor_answer answer;

int monitor_main(int argc, char **argv, int (*tests)(void))
{
	return argc == 1 && !strcmp(argv[0], NAME) ? start_main(argc, argv) : tests();
}

void shell_monitor(const char *script, uint32_t flags)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, CLONE, 0, PLAN_NO_SLOT);
	maker_add(&maker, PLAN_PARENT, AWAIT_EXEC);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	add_shell(script);
	request = (struct monitor_request){
		.program = "/proc/self/exe", .init = -1, .directory = -1, .log_directory = -1, .nursery = -1,
		.cgroup = -1,
		.order = { .flags = flags, .max_line = MONITOR_MAX_LINE, .stall_ms = 60000, .kill_ms = 60000,
			   .log_name = "log" },
	};
}

void begin_monitor(void)
{
	size_t size;
	void *plan = maker_finish(&maker, &size);
	int directory = check_directory_fd();
	request.plan = plan;
	request.plan_size = size;
	request.init = check_init();
	request.directory = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	request.log_directory = request.order.log_name[0] ? directory : -1;
	CHECK_EQUAL(monitor_start(&request), 0);
	free(plan);
	close(request.directory);
	close(directory);
}

void receive_answer(void)
{
	int pidfd, output;
	CHECK_EQUAL(monitor_receive_answer(request.socket, &answer, &pidfd, &output), 0);
	CHECK_EQUAL(pidfd >= 0, answer.pid > 0);
	CHECK_EQUAL(output >= 0, answer.has_output);
	if (pidfd >= 0)
		close(pidfd);
	if (output >= 0)
		close(output);
	close(request.socket);
}

void start_monitor(void)
{
	begin_monitor();
	receive_answer();
	if (answer.error)
		check_fail(__FILE__, __LINE__, "stage %u, operation %u: %s %s", answer.stage, answer.op,
			   strerror(answer.error), answer.detail);
	CHECK(answer.pid > 0 && answer.start_time > 0 && answer.started_ns > 0);
}

void fail_monitor(uint32_t stage, int error)
{
	begin_monitor();
	receive_answer();
	CHECK_EQUAL(answer.stage, stage);
	CHECK_EQUAL(answer.error, error);
	CHECK_EQUAL(answer.pid, 0);
	CHECK_EQUAL(wait_monitor(), 1);
	CHECK(!exists(MONITOR_EXIT) && !exists("." MONITOR_EXIT) && !exists(MONITOR_SOCKET));
}

void ready_monitor(const char *script, uint32_t flags)
{
	char whole[8192];
	snprintf(whole, sizeof whole, "read line; %s", script);
	shell_monitor(whole, flags | MONITOR_STDIN);
	start_monitor();
}

int wait_monitor(void)
{
	int status = spawn_wait(request.pidfd, 60000);
	close(request.pidfd);
	return status;
}

const char *exit_record(void)
{
	return content_of(MONITOR_EXIT);
}

long exit_field(const char *name)
{
	const char *at = exit_record();
	size_t length = strlen(name);
	while (strncmp(at, name, length) || at[length] != ' ') {
		at = strchr(at, '\n');
		CHECK(at && at[1]);
		at++;
	}
	return strtol(at + length, NULL, 10);
}

int connect_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CHECK(strlen(path_of(MONITOR_SOCKET)) < sizeof address.sun_path);
	strcpy(address.sun_path, path_of(MONITOR_SOCKET));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK(!connect(fd, (void *)&address, sizeof address));
	return fd;
}

static void send_parts(int client, const struct monitor_head *head, const void *data, size_t size)
{
	struct iovec parts[] = { { (void *)(uintptr_t)head, sizeof *head }, { (void *)(uintptr_t)data, size } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	CHECK_EQUAL(sendmsg(client, &message, MSG_NOSIGNAL), sizeof *head + size);
}

void send_message(int client, uint32_t type, uint32_t value)
{
	send_parts(client, &(struct monitor_head){ type, value }, NULL, 0);
}

void send_stdin(int client, const void *data, size_t size)
{
	send_parts(client, &(struct monitor_head){ MONITOR_STDIN_DATA, 0 }, data, size);
}

int receive_message(int client, struct message *message)
{
	struct iovec parts[] = { { &message->head, sizeof message->head }, { message->data, sizeof message->data } };
	struct msghdr received = { .msg_iov = parts, .msg_iovlen = 2 };
	struct pollfd ready = { client, POLLIN, 0 };
	ssize_t n;
	CHECK_EQUAL(poll(&ready, 1, 60000), 1);
	do
		n = recvmsg(client, &received, 0);
	while (n < 0 && errno == ECONNRESET);
	CHECK(!n || n >= (ssize_t)sizeof message->head);
	message->size = n ? (size_t)n - sizeof message->head : 0;
	return n > 0;
}

void expect_message(int client, struct message *message, uint32_t type)
{
	CHECK(receive_message(client, message));
	CHECK_EQUAL(message->head.type, type);
}

int attach_client(uint32_t streams)
{
	struct message message;
	int client = connect_client();
	send_message(client, MONITOR_ATTACH, streams);
	expect_message(client, &message, MONITOR_ATTACHED);
	return client;
}

const char *read_stream(int client, uint32_t type)
{
	static char text[1 << 22];
	struct message message;
	size_t size = 0;
	for (;;) {
		CHECK(receive_message(client, &message));
		if (message.head.type == MONITOR_EXITED)
			break;
		if (message.head.type != type)
			continue;
		CHECK(size + message.size < sizeof text);
		memcpy(text + size, message.data, message.size);
		size += message.size;
	}
	CHECK_EQUAL(message.size, sizeof message.status);
	CHECK(!receive_message(client, &message));
	close(client);
	text[size] = 0;
	return text;
}

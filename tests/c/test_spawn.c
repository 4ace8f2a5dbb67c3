/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a process that a plan starts: birth, meetings, failures, execution. */
#include "spawn_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void clone_child(void)
{
	maker_add(&maker, PLAN_PARENT, CLONE, 0, PLAN_NO_SLOT);
}

static void await_exec(void)
{
	maker_add(&maker, PLAN_PARENT, AWAIT_EXEC);
}

/* A plan that runs `script` and nothing else. */
static void shell_plan(const char *script)
{
	start_plan();
	clone_child();
	await_exec();
	add_shell(script);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
}

static int run_shell(const char *script)
{
	shell_plan(script);
	run_plan();
	return wait_outcome();
}

static void a_program_is_executed(void)
{
	int before;
	CHECK_EQUAL(run_shell("exit 0"), 0);
	before = check_open_descriptors();
	CHECK_EQUAL(run_shell("exit 42"), 42);
	CHECK_EQUAL(run_shell("kill -9 $$"), 256 + SIGKILL);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void a_plan_without_a_child_runs(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, OPEN, 0, maker_text(&maker, "/dev/null"), O_RDONLY);
	int before = check_open_descriptors();
	run_plan();
	CHECK_EQUAL(outcome.pid, 0);
	CHECK_EQUAL(outcome.pidfd, -1);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_malformed_plan_is_refused(void)
{
	size_t size;
	shell_plan("exit 0");
	char *plan = maker_finish(&maker, &size);
	int before = check_open_descriptors();
	plan[0] ^= 1;
	CHECK_EQUAL(spawn_plan(plan, size, -1, 0, &outcome), -EINVAL);
	CHECK_EQUAL(outcome.error, EINVAL);
	CHECK_EQUAL(outcome.section, -1);
	CHECK_EQUAL(spawn_plan(plan, 0, -1, 0, &outcome), -EINVAL);
	CHECK_EQUAL(outcome.error, EINVAL);
	CHECK_EQUAL(check_open_descriptors(), before);
	free(plan);
}

static void an_operation_of_the_parent_fails(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, OPEN, 0, maker_text(&maker, "/dev/null"), O_RDONLY);
	maker_add(&maker, PLAN_PARENT, OPEN, 1, maker_text(&maker, "/proc/nonexistent"), O_RDONLY);
	int before = check_open_descriptors();
	fail_plan(ENOENT, PLAN_PARENT, 1);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void an_operation_of_the_child_fails(void)
{
	shell_plan("exit 0");
	maker.counts[PLAN_CHILD] = 0;
	maker_add(&maker, PLAN_CHILD, UMASK, 022);
	maker_add(&maker, PLAN_CHILD, CHDIR, maker_text(&maker, "/proc/nonexistent"), 0);
	int before = check_open_descriptors();
	fail_plan(ENOENT, PLAN_CHILD, 1);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void a_program_that_is_not_there_is_told(void)
{
	start_plan();
	clone_child();
	await_exec();
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	uint64_t candidates = maker_texts(&maker, "/proc/nonexistent/a", "/dev/null/b"), args = maker_texts(&maker, "a");
	maker_add(&maker, PLAN_CHILD, FIND_EXECUTABLE, candidates);
	maker_add(&maker, PLAN_CHILD, EXEC, candidates, args, args);
	fail_plan(ENOENT, PLAN_CHILD, 0);
	maker.ops[PLAN_CHILD][0] = maker.ops[PLAN_CHILD][1];
	fail_plan(ENOENT, PLAN_CHILD, 0);
}

static void candidates_are_tried_in_order(void)
{
	start_plan();
	clone_child();
	await_exec();
	uint64_t candidates = maker_texts(&maker, "/proc/nonexistent/a", "/dev/null/b", "/", "/bin/sh", "/bin/false");
	uint64_t args = maker_texts(&maker, "sh", "-c", "exit 5");
	maker_add(&maker, PLAN_CHILD, FIND_EXECUTABLE, candidates);
	maker_add(&maker, PLAN_CHILD, EXEC, candidates, args, args);
	run_plan();
	CHECK_EQUAL(wait_outcome(), 5);
}

static void a_child_without_a_program_is_a_failure(void)
{
	shell_plan("exit 0");
	maker.counts[PLAN_CHILD] = 0;
	maker_add(&maker, PLAN_CHILD, UMASK, 022);
	fail_plan(EPROTO, PLAN_CHILD, 1);
}

static void an_init_that_is_no_program_is_told(void)
{
	size_t size;
	shell_plan("exit 0");
	void *plan = maker_finish(&maker, &size);
	int init = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int before = check_open_descriptors();
	CHECK_EQUAL(spawn_plan(plan, size, init, 0, &outcome), -EACCES);
	CHECK_EQUAL(outcome.section, PLAN_PARENT);
	CHECK_EQUAL(outcome.op, 0);
	CHECK_EQUAL(check_open_descriptors(), before);
	close(init);
	free(plan);
}

static void loading_no_init_is_an_error(void)
{
	CHECK_EQUAL(spawn_load_init("/proc/nonexistent"), -ENOENT);
	CHECK_EQUAL(spawn_load_init("/"), -EISDIR);
}

#define LISTING "for fd in 3 4 5 6 7 8 9 100; do test -e /proc/self/fd/$fd && echo $fd >> $0; done; :"

static void list_descriptors(uint32_t preserve)
{
	for (int fd = 3; fd < 10; fd++)
		CHECK_EQUAL(dup2(2, fd), fd);
	CHECK_EQUAL(dup2(2, 100), 100);
	start_plan();
	maker.preserve_fds = preserve;
	clone_child();
	await_exec();
	uint64_t path = maker_texts(&maker, "/bin/sh"), env = maker_texts(&maker, "A=");
	uint64_t args = maker_texts(&maker, "sh", "-c", LISTING, path_of("list"));
	maker_add(&maker, PLAN_CHILD, OPEN, 0, maker_text(&maker, "/"), O_PATH);
	maker_add(&maker, PLAN_CHILD, CLOSE_ON_EXEC);
	maker_add(&maker, PLAN_CHILD, EXEC, path, args, env);
	close(open(path_of("list"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	run_plan();
	CHECK_EQUAL(wait_outcome(), 0);
}

static void list_without_preserved_descriptors(void)
{
	list_descriptors(0);
	CHECK_TEXT(content_of("list"), "");
}

static void list_with_preserved_descriptors(void)
{
	list_descriptors(3);
	CHECK_TEXT(content_of("list"), "3\n4\n5\n");
}

static void the_workload_has_no_descriptors_of_ours(void)
{
	check_directory();
	check_in_child(list_without_preserved_descriptors);
}

static void preserved_descriptors_reach_the_workload(void)
{
	check_directory();
	check_in_child(list_with_preserved_descriptors);
}

static void many_descriptors_reach_the_child(void)
{
	enum { COUNT = 100 };
	start_plan();
	uint64_t path = maker_text(&maker, "/");
	for (uint64_t slot = 0; slot < COUNT; slot++)
		maker_add(&maker, PLAN_PARENT, OPEN, slot, path, O_PATH | O_DIRECTORY);
	clone_child();
	maker_add(&maker, PLAN_PARENT, SEND, 0, COUNT);
	await_exec();
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	maker_add(&maker, PLAN_CHILD, RECEIVE, 0, COUNT);
	uint64_t file = maker_text(&maker, "self/stat");
	maker_add(&maker, PLAN_CHILD, CLOSE, COUNT - 1);
	maker_add(&maker, PLAN_CHILD, PROC_WRITE, COUNT - 2, file, file);
	int before = check_open_descriptors();
	/* The last but one is a directory, but no procfs. */
	fail_plan(ENOENT, PLAN_CHILD, 2);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_send_of_slots_that_do_not_exist_is_refused(void)
{
	static const uint64_t bad[][2] = { { 0, PLAN_MAX_SLOTS + 1 }, { PLAN_MAX_SLOTS, 1 }, { UINT64_MAX - 8, 64 },
					   { UINT64_MAX, 1 }, { 1ull << 63, 1ull << 63 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		start_plan();
		maker_add(&maker, PLAN_PARENT, SEND, bad[i][0], bad[i][1]);
		fail_plan(EINVAL, PLAN_PARENT, 0);
	}
}

static void a_receive_of_slots_that_do_not_exist_is_refused(void)
{
	static const uint64_t bad[][2] = { { 0, PLAN_MAX_SLOTS + 1 }, { PLAN_MAX_SLOTS, 1 }, { UINT64_MAX, 1 },
					   { 1, UINT64_MAX } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		start_plan();
		clone_child();
		await_exec();
		maker_add(&maker, PLAN_UNDO, KILL_CHILD);
		maker_add(&maker, PLAN_CHILD, RECEIVE, bad[i][0], bad[i][1]);
		fail_plan(EINVAL, PLAN_CHILD, 0);
	}
}

static void parent_and_child_meet(void)
{
	start_plan();
	clone_child();
	maker_add(&maker, PLAN_PARENT, AWAIT, PLAN_POINT_READY);
	maker_add(&maker, PLAN_PARENT, PID_FILE, maker_text(&maker, path_of("pid")), maker_bytes(&maker, "\1\n", 2));
	maker_add(&maker, PLAN_PARENT, RELEASE, PLAN_POINT_READY);
	await_exec();
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	char script[4200], wanted[32];
	snprintf(script, sizeof script, "read pid < %s && test $pid = $$", path_of("pid"));
	add_shell(script);
	run_plan();
	snprintf(wanted, sizeof wanted, "%d\n", outcome.pid);
	CHECK_TEXT(content_of("pid"), wanted);
	CHECK_EQUAL(wait_outcome(), 0);
}

static void meeting_at_another_point_is_an_error(void)
{
	start_plan();
	clone_child();
	maker_add(&maker, PLAN_PARENT, AWAIT, PLAN_POINT_HOOKS);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	fail_plan(EPROTO, PLAN_PARENT, 1);
}

static void a_child_without_a_parent_exits(void)
{
	start_plan();
	clone_child();
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	add_shell("exit 0");
	run_plan();
	CHECK_EQUAL(wait_outcome(), 1);
}

static void a_child_that_dies_is_told(void)
{
	start_plan();
	clone_child();
	maker_add(&maker, PLAN_PARENT, AWAIT, PLAN_POINT_READY);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	add_hook(PLAN_CHILD, "kill -9 $PPID", -1, PLAN_NO_SLOT);
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	fail_plan(ECHILD, PLAN_PARENT, 1);
	CHECK_TEXT(outcome.detail, "firkin-init was ended by signal 9");
	CHECK_EQUAL(outcome.undo_error, 0);
}

static void the_second_birth_replaces_the_first_process(void)
{
	start_plan();
	clone_child();
	await_exec();
	maker_add(&maker, PLAN_CHILD, CLONE, 0, PLAN_NO_SLOT);
	char script[4200];
	snprintf(script, sizeof script, "echo $$ $PPID > %s; exit 6", path_of("pids"));
	add_shell(script);
	int before = check_open_descriptors();
	run_plan();
	char wanted[64];
	snprintf(wanted, sizeof wanted, "%d %d\n", outcome.pid, getpid());
	CHECK_EQUAL(wait_outcome(), 6);
	CHECK_TEXT(content_of("pids"), wanted);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void limits_and_files_of_the_child_are_set(void)
{
	start_plan();
	clone_child();
	maker_add(&maker, PLAN_PARENT, AWAIT, PLAN_POINT_READY);
	maker_add(&maker, PLAN_PARENT, LIMIT_CHILD, RLIMIT_NOFILE, 77, 99);
	maker_add(&maker, PLAN_PARENT, WRITE_CHILD, maker_text(&maker, "oom_score_adj"), maker_bytes(&maker, "321", 3));
	maker_add(&maker, PLAN_PARENT, RELEASE, PLAN_POINT_READY);
	await_exec();
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	add_shell("test $(ulimit -Sn) = 77 && test $(ulimit -Hn) = 99 && test $(cat /proc/self/oom_score_adj) = 321");
	run_plan();
	CHECK_EQUAL(wait_outcome(), 0);
}

static void limits_without_a_child_are_refused(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, LIMIT_CHILD, RLIMIT_CORE, 0, RLIM_INFINITY);
	fail_plan(ESRCH, PLAN_PARENT, 0);
}

static void a_failed_hook_is_told_with_its_output(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, OPEN_OUTPUT, 5);
	add_hook(PLAN_PARENT, "echo fine", -1, 5);
	add_hook(PLAN_PARENT, "cat; echo oops >&2; exit 9", -1, 5);
	add_hook(PLAN_PARENT, "echo never", -1, 5);
	int before = check_open_descriptors();
	fail_plan(ECHILD, PLAN_PARENT, 2);
	CHECK_TEXT(outcome.detail, "exit status 9");
	char text[64] = "";
	CHECK(outcome.output >= 0 && pread(outcome.output, text, sizeof text - 1, 0) > 0);
	char wanted[64];
	snprintf(wanted, sizeof wanted, "fine\npid %doops\n", getpid());
	CHECK_TEXT(text, wanted);
	close_outcome();
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_hook_of_the_child_fails(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, OPEN_OUTPUT, 0);
	clone_child();
	maker_add(&maker, PLAN_PARENT, SEND, 0, 1);
	await_exec();
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	maker_add(&maker, PLAN_CHILD, RECEIVE, 0, 1);
	add_hook(PLAN_CHILD, "echo from the child; kill -15 $$", -1, 0);
	fail_plan(ECHILD, PLAN_CHILD, 1);
	CHECK_TEXT(outcome.detail, "ended by signal 15");
	char text[64] = "";
	CHECK(pread(outcome.output, text, sizeof text - 1, 0) > 0);
	CHECK_TEXT(text, "from the child\n");
	close_outcome();
}

/* `create` as the runtime compiles it: the child waits at a fifo until `start`. */
static void gate_plan(void)
{
	start_plan();
	maker_add(&maker, PLAN_PARENT, STATE_MAKE, 9, maker_text(&maker, check_directory()), maker_text(&maker, "c1"));
	maker_add(&maker, PLAN_PARENT, STATE_FIFO, 0, 9, maker_text(&maker, "start"));
	maker_add(&maker, PLAN_PARENT, STATE_FIFO, 1, 9, maker_text(&maker, "answer"));
	clone_child();
	maker_add(&maker, PLAN_PARENT, SEND, 0, 2);
	maker_add(&maker, PLAN_PARENT, AWAIT, PLAN_POINT_READY);
	maker_add(&maker, PLAN_PARENT, RELEASE, PLAN_POINT_READY);
	maker_add(&maker, PLAN_CHILD, RECEIVE, 0, 2);
	maker_add(&maker, PLAN_CHILD, RENDEZVOUS, PLAN_POINT_READY);
	maker_add(&maker, PLAN_CHILD, WAIT_START, 0, 1);
}

static void open_gate(void)
{
	int gate = open(path_of("c1/start"), O_WRONLY | O_CLOEXEC);
	CHECK_EQUAL(write(gate, "s", 1), 1);
	close(gate);
}

static void a_created_process_waits_for_start(void)
{
	gate_plan();
	add_shell("exit 11");
	run_plan();
	CHECK_EQUAL(spawn_wait(outcome.pidfd, 50), -ETIMEDOUT);
	open_gate();
	CHECK_EQUAL(wait_outcome(), 11);
}

static void read_answer(struct plan_record *record)
{
	int fd = open(path_of("c1/answer"), O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	open_gate();
	CHECK_EQUAL(read(fd, record, sizeof *record), sizeof *record);
	close(fd);
}

static void what_fails_after_start_is_answered(void)
{
	struct plan_record record;
	gate_plan();
	uint64_t none = maker_texts(&maker, "/proc/nonexistent");
	struct plan_op *exec = maker_add(&maker, PLAN_CHILD, EXEC, none, none, none);
	exec->origin = (uint32_t)maker_text(&maker, "process.args");
	run_plan();
	read_answer(&record);
	CHECK_EQUAL(record.type, PLAN_FAILED);
	CHECK_EQUAL(record.value, OP_EXEC);
	CHECK_EQUAL(record.error, ENOENT);
	CHECK_TEXT(record.detail, "process.args");
	CHECK_EQUAL(wait_outcome(), 127);
}

static void a_hook_that_fails_after_start_is_answered(void)
{
	struct plan_record record;
	gate_plan();
	add_hook(PLAN_CHILD, "exit 4", -1, PLAN_NO_SLOT);
	maker.ops[PLAN_CHILD][3].origin = (uint32_t)maker_text(&maker, "hooks.startContainer[0]");
	run_plan();
	read_answer(&record);
	CHECK_EQUAL(record.value, OP_HOOK);
	CHECK_EQUAL(record.error, ECHILD);
	CHECK_TEXT(record.detail, "hooks.startContainer[0]: exit status 4");
	CHECK_EQUAL(wait_outcome(), 1);
}

static void a_started_child_without_a_program_answers(void)
{
	struct plan_record record;
	gate_plan();
	run_plan();
	read_answer(&record);
	CHECK_EQUAL(record.type, PLAN_FAILED);
	CHECK_EQUAL(record.value, 0);
	CHECK_EQUAL(wait_outcome(), 1);
}

static void terminal_plan(void)
{
	if (access("/dev/pts/ptmx", F_OK))
		check_skip("needs a devpts");
	maker_add(&maker, PLAN_CHILD, OPEN, 0, maker_text(&maker, "/"), O_PATH | O_DIRECTORY);
	maker_add(&maker, PLAN_CHILD, SETSID);
	maker_add(&maker, PLAN_CHILD, TERMINAL, 0, 33, 99, 0);
	add_shell("stty size; tty > /dev/null && exit 3");
}

static void expect_terminal(int master)
{
	char text[128] = "";
	size_t n = 0;
	while (!strchr(text, '\n')) {
		struct pollfd ready = { master, POLLIN, 0 };
		CHECK_EQUAL(poll(&ready, 1, 60000), 1);
		ssize_t r = read(master, text + n, sizeof text - 1 - n);
		CHECK(r > 0);
		n += (size_t)r;
	}
	CHECK(!strncmp(text, "33 99", 5));
}

static void the_terminal_is_the_callers(void)
{
	check_needs_root();
	start_plan();
	clone_child();
	await_exec();
	terminal_plan();
	run_plan();
	CHECK(outcome.terminal >= 0);
	CHECK_EQUAL(fcntl(outcome.terminal, F_GETFD), FD_CLOEXEC);
	expect_terminal(outcome.terminal);
	CHECK_EQUAL(wait_outcome(), 3);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	CHECK(strlen(path) < sizeof address.sun_path);
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!bind(fd, (void *)&address, sizeof address) && !listen(fd, 1));
	return fd;
}

static int receive_terminal(int listening)
{
	char name[64] = "";
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { name, sizeof name - 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof control };
	int fd, connection = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	CHECK(recvmsg(connection, &message, MSG_CMSG_CLOEXEC) > 0);
	CHECK_TEXT(name, "/dev/ptmx");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	close(connection);
	return fd;
}

static void the_terminal_goes_to_the_console_socket(void)
{
	check_needs_root();
	int listening = listen_at(path_of("console"));
	start_plan();
	maker_add(&maker, PLAN_PARENT, CONNECT, 1, maker_text(&maker, path_of("console")));
	clone_child();
	await_exec();
	maker_add(&maker, PLAN_PARENT, TERMINAL_SEND, 1);
	terminal_plan();
	run_plan();
	CHECK_EQUAL(outcome.terminal, -1);
	int master = receive_terminal(listening);
	expect_terminal(master);
	CHECK_EQUAL(wait_outcome(), 3);
	close(master);
	close(listening);
}

static void a_console_socket_that_is_not_there_is_told(void)
{
	char path[200] = "/tmp/";
	start_plan();
	maker_add(&maker, PLAN_PARENT, CONNECT, 1, maker_text(&maker, path_of("none")));
	fail_plan(ENOENT, PLAN_PARENT, 0);
	memset(path + 5, 'x', sizeof path - 6);
	start_plan();
	maker_add(&maker, PLAN_PARENT, CONNECT, 1, maker_text(&maker, path));
	fail_plan(ENAMETOOLONG, PLAN_PARENT, 0);
	start_plan();
	maker_add(&maker, PLAN_PARENT, TERMINAL_SEND, 1);
	fail_plan(ENOTTY, PLAN_PARENT, 0);
}

/* Runs the plan by firkin-plan from a shell that does what it likes with SIGCHLD: the exit status. */
static int run_from_shell(const char *streams, sighandler_t children)
{
	char command[9000];
	size_t size;
	const char *program = getenv("FIRKIN_PLAN");
	if (!program)
		check_skip("needs $FIRKIN_PLAN");
	void *plan = maker_finish(&maker, &size);
	int fd = open(path_of("plan"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK_EQUAL(write(fd, plan, size), size);
	close(fd);
	free(plan);
	snprintf(command, sizeof command, "exec %s %s %s", program, path_of("plan"), streams);
	int status;
	pid_t pid = fork();
	if (!pid) {
		signal(SIGCHLD, children);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Descriptors of firkin-plan would take the places of the streams. */
static void streams_that_the_caller_has_closed_are_null(void)
{
	shell_plan("test /dev/null -ef /proc/self/fd/0 && test /dev/null -ef /proc/self/fd/1");
	CHECK_EQUAL(run_from_shell("<&- >&-", SIG_DFL), 0);
}

/* A process whose parent ignores SIGCHLD leaves no exit status. */
static void the_exit_status_is_told_to_who_ignores_children(void)
{
	shell_plan("exit 43");
	CHECK_EQUAL(run_from_shell("", SIG_IGN), 43);
}

static const struct check_test tests[] = {
	TEST(a_program_is_executed),
	TEST(a_plan_without_a_child_runs),
	TEST(a_malformed_plan_is_refused),
	TEST(an_operation_of_the_parent_fails),
	TEST(an_operation_of_the_child_fails),
	TEST(a_program_that_is_not_there_is_told),
	TEST(candidates_are_tried_in_order),
	TEST(a_child_without_a_program_is_a_failure),
	TEST(an_init_that_is_no_program_is_told),
	TEST(loading_no_init_is_an_error),
	TEST(the_workload_has_no_descriptors_of_ours),
	TEST(preserved_descriptors_reach_the_workload),
	TEST(many_descriptors_reach_the_child),
	TEST(a_send_of_slots_that_do_not_exist_is_refused),
	TEST(a_receive_of_slots_that_do_not_exist_is_refused),
	TEST(parent_and_child_meet),
	TEST(meeting_at_another_point_is_an_error),
	TEST(a_child_without_a_parent_exits),
	TEST(a_child_that_dies_is_told),
	TEST(the_second_birth_replaces_the_first_process),
	TEST(limits_and_files_of_the_child_are_set),
	TEST(limits_without_a_child_are_refused),
	TEST(a_failed_hook_is_told_with_its_output),
	TEST(a_hook_of_the_child_fails),
	TEST(a_created_process_waits_for_start),
	TEST(what_fails_after_start_is_answered),
	TEST(a_hook_that_fails_after_start_is_answered),
	TEST(a_started_child_without_a_program_answers),
	TEST(the_terminal_is_the_callers),
	TEST(the_terminal_goes_to_the_console_socket),
	TEST(a_console_socket_that_is_not_there_is_told),
	TEST(streams_that_the_caller_has_closed_are_null),
	TEST(the_exit_status_is_told_to_who_ignores_children),
};
CHECK_MAIN(tests)

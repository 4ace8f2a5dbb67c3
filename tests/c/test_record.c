/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent does for a container: its record on disk, its cgroup, descriptors of the host; and the undo. */
#include "cgroup_check.h"
#include "spawn_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE 9

#define parent(code, ...) maker_add(&maker, PLAN_PARENT, code, __VA_ARGS__)
#define undo(code, ...) maker_add(&maker, PLAN_UNDO, code, __VA_ARGS__)
#define text(value) maker_text(&maker, value)
#define bytes(literal) maker_bytes(&maker, literal, sizeof(literal) - 1)

/* The record of a container, with its undo. */
static void make_record(void)
{
	uint64_t directory = text(check_directory()), id = text("c1");
	parent(STATE_MAKE, STATE, directory, id);
	parent(STATE_WRITE, STATE, text("state.json"), 0600, bytes("{\"pid\":\1}"));
	undo(STATE_UNLINK, STATE, text("state.json"));
	undo(STATE_UNLINK, STATE, text("start"));
	undo(STATE_REMOVE, STATE, directory, id);
}

static void fail_here(void)
{
	parent(OPEN, 0, text("/proc/nonexistent"), 0);
}

static mode_t mode_of(const char *name)
{
	struct stat stat;
	CHECK(!lstat(path_of(name), &stat));
	return stat.st_mode;
}

static void the_record_is_written(void)
{
	umask(022);
	start_plan();
	make_record();
	parent(STATE_FIFO, 0, STATE, text("start"));
	int before = check_open_descriptors();
	run_plan();
	CHECK_EQUAL(mode_of("c1"), S_IFDIR | 0700);
	CHECK_TEXT(content_of("c1/state.json"), "{\"pid\":0}");
	CHECK_EQUAL(mode_of("c1/state.json"), S_IFREG | 0600);
	CHECK_EQUAL(mode_of("c1/start"), S_IFIFO | 0600);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_file_is_replaced_at_once(void)
{
	start_plan();
	make_record();
	parent(STATE_WRITE, STATE, text("state.json"), 0600, bytes("new"));
	run_plan();
	CHECK_TEXT(content_of("c1/state.json"), "new");
	CHECK(!exists("c1/.state.json"));
}

static void a_record_that_exists_is_left_alone(void)
{
	CHECK(!mkdir(path_of("c1"), 0700));
	close(open(path_of("c1/state.json"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	start_plan();
	make_record();
	fail_plan(EEXIST, PLAN_PARENT, 0);
	CHECK(exists("c1/state.json"));
	CHECK_EQUAL(outcome.undo_error, 0);
}

static void a_failure_undoes_the_record(void)
{
	start_plan();
	make_record();
	parent(STATE_FIFO, 0, STATE, text("start"));
	fail_here();
	int before = check_open_descriptors();
	fail_plan(ENOENT, PLAN_PARENT, 3);
	CHECK(!exists("c1"));
	CHECK_EQUAL(outcome.undo_error, 0);
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void the_root_is_made_with_what_is_above_it(void)
{
	char root[4200];
	snprintf(root, sizeof root, "%s/a/b/c", check_directory());
	start_plan();
	parent(STATE_MAKE, STATE, text(root), text("c1"));
	run_plan();
	CHECK_EQUAL(mode_of("a/b/c/c1"), S_IFDIR | 0700);
	CHECK_EQUAL(mode_of("a"), S_IFDIR | 0700);
	start_plan();
	CHECK_EQUAL(close(open(path_of("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	parent(STATE_MAKE, STATE, text(path_of("file/a/b")), text("c1"));
	fail_plan(ENOTDIR, PLAN_PARENT, 0);
}

static void the_undo_goes_on_after_an_error(void)
{
	start_plan();
	uint64_t directory = text(check_directory()), id = text("c1");
	parent(STATE_MAKE, STATE, directory, id);
	parent(STATE_WRITE, STATE, text("file"), 0600, bytes(""));
	fail_here();
	undo(CLOSE, 5);
	undo(STATE_UNLINK, STATE, text("."));
	undo(STATE_UNLINK, STATE, text("file"));
	undo(STATE_REMOVE, STATE, directory, id);
	fail_plan(ENOENT, PLAN_PARENT, 2);
	CHECK(outcome.undo_error == EISDIR || outcome.undo_error == EINVAL || outcome.undo_error == EPERM);
	CHECK_EQUAL(outcome.undo_op, 1);
	CHECK(!exists("c1"));
}

static void the_record_is_locked_while_it_is_made(void)
{
	char script[4200];
	if (system("command -v flock > /dev/null"))
		check_skip("needs flock(1)");
	start_plan();
	make_record();
	snprintf(script, sizeof script, "flock -n %s true", path_of("c1"));
	add_hook(PLAN_PARENT, script, -1, PLAN_NO_SLOT);
	fail_plan(ECHILD, PLAN_PARENT, 2);
	CHECK_TEXT(outcome.detail, "exit status 1");
}

static void a_template_that_fails_leaves_no_file(void)
{
	start_plan();
	uint64_t directory = text(check_directory());
	parent(STATE_MAKE, STATE, directory, text("c1"));
	/* There is no process 0. */
	parent(STATE_WRITE, STATE, text("file"), 0600, bytes("\2"));
	fail_plan(ENOENT, PLAN_PARENT, 1);
	CHECK(exists("c1") && !exists("c1/file") && !exists("c1/.file"));
}

static void a_pid_file_is_written_beside_and_renamed(void)
{
	umask(022);
	start_plan();
	CHECK(!symlink("/proc/nonexistent/target", path_of("pid")));
	parent(PID_FILE, text(path_of("pid")), bytes("\1"));
	run_plan();
	CHECK_TEXT(content_of("pid"), "0");
	CHECK_EQUAL(mode_of("pid"), S_IFREG | 0644);
	CHECK(!exists(".pid"));
	start_plan();
	parent(PID_FILE, text(path_of("missing/pid")), bytes("\1"));
	fail_plan(ENOENT, PLAN_PARENT, 0);
}

static void a_pid_file_with_a_long_name_is_refused(void)
{
	static char path[4500];
	memset(path, 'x', sizeof path - 1);
	start_plan();
	parent(PID_FILE, text(path), bytes("\1"));
	fail_plan(ENAMETOOLONG, PLAN_PARENT, 0);
	path[4200] = '/';
	start_plan();
	parent(PID_FILE, text(path), bytes("\1"));
	fail_plan(ENAMETOOLONG, PLAN_PARENT, 0);
}

static void a_link_at_the_place_of_the_temporary_file_is_not_followed(void)
{
	start_plan();
	CHECK(!symlink("target", path_of(".pid")));
	parent(PID_FILE, text(path_of("pid")), bytes("\1"));
	fail_plan(ELOOP, PLAN_PARENT, 0);
	CHECK(!exists("target"));
}

static void a_device_must_be_what_it_is_said_to_be(void)
{
	check_needs_root();
	start_plan();
	parent(OPEN_DEVICE_TREE, 0, text("/dev/null"), S_IFCHR | 0666, 1ull << 32 | 3);
	run_plan();
	start_plan();
	parent(OPEN_DEVICE_TREE, 0, text("/dev/null"), S_IFCHR | 0666, 1ull << 32 | 5);
	fail_plan(ENODEV, PLAN_PARENT, 0);
	maker.ops[PLAN_PARENT][0].arg[3] = 3ull << 32 | 3;
	fail_plan(ENODEV, PLAN_PARENT, 0);
	maker.ops[PLAN_PARENT][0].arg[3] = 1ull << 32 | 3;
	maker.ops[PLAN_PARENT][0].arg[2] = S_IFBLK;
	fail_plan(ENODEV, PLAN_PARENT, 0);
}

static void a_namespace_must_be_of_its_type(void)
{
	start_plan();
	parent(OPEN_NAMESPACE, 0, text("/proc/self/ns/uts"), CLONE_NEWUTS);
	run_plan();
	maker.ops[PLAN_PARENT][0].arg[2] = CLONE_NEWNET;
	fail_plan(EINVAL, PLAN_PARENT, 0);
	start_plan();
	parent(OPEN_NAMESPACE, 0, text("/etc/passwd"), CLONE_NEWUTS);
	fail_plan(EINVAL, PLAN_PARENT, 0);
}

/* A file that blocks whoever opens it must not stop the runtime. */
static void a_fifo_is_no_namespace(void)
{
	CHECK(!mkfifo(path_of("fifo"), 0600));
	start_plan();
	parent(OPEN_NAMESPACE, 0, text(path_of("fifo")), CLONE_NEWUTS);
	alarm(100);
	fail_plan(EINVAL, PLAN_PARENT, 0);
	alarm(0);
}

static void a_process_must_be_the_one_that_was_meant(void)
{
	int64_t time = spawn_start_time(getpid());
	CHECK(time > 0);
	start_plan();
	parent(OPEN_PROCESS, 0, (uint64_t)getpid(), (uint64_t)time);
	run_plan();
	maker.ops[PLAN_PARENT][0].arg[2]++;
	fail_plan(ESRCH, PLAN_PARENT, 0);
	maker.ops[PLAN_PARENT][0].arg[1] = 0x3fffffff;
	fail_plan(ESRCH, PLAN_PARENT, 0);
}

static void a_process_that_is_ended_is_gone(void)
{
	pid_t child = fork();
	CHECK(child >= 0);
	while (!child)
		pause();
	start_plan();
	parent(OPEN_PROCESS, 0, (uint64_t)child, (uint64_t)spawn_start_time(child));
	parent(END_PROCESS, 0);
	parent(END_PROCESS, 0);
	run_plan();
	CHECK_EQUAL(waitpid(child, NULL, 0), -1);
	CHECK_EQUAL(errno, ECHILD);
}

enum { CGROUPS = 20, CGROUP };

/* return 1: every device is allowed. */
static const struct bpf_insn allow_all[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static void make_cgroup(void)
{
	parent(CGROUP_ROOT, CGROUPS, text(find_cgroups()));
	parent(CGROUP_ENABLE, CGROUPS, text(""), text(""));
	parent(CGROUP_MAKE, CGROUP, CGROUPS, text(cgroup_name()), 1);
	parent(CGROUP_WRITE, CGROUP, text("cgroup.max.depth"), bytes("3"));
	undo(KILL_CHILD);
	undo(CGROUP_REMOVE, CGROUPS, text(cgroup_name()), CGROUP);
}

static void a_process_is_born_in_its_cgroup(void)
{
	char command[512];
	start_plan();
	make_cgroup();
	parent(CLONE, 0, CGROUP);
	parent(AWAIT_EXEC);
	snprintf(command, sizeof command, "grep -q ^0::/%s$ /proc/self/cgroup && grep -q 3 %s/cgroup.max.depth",
		 cgroup_name(), cgroup_path());
	add_shell(command);
	run_plan();
	int status = wait_outcome();
	remove_cgroup();
	CHECK_EQUAL(status, 0);
}

static void the_cgroup_of_a_sealed_plan_is_handed_out(void)
{
	size_t size;
	char path[64], target[512] = "";
	start_plan();
	make_cgroup();
	parent(CLONE, 0, CGROUP);
	parent(AWAIT_EXEC);
	add_shell("exit 3");
	int before = check_open_descriptors();
	void *plan = maker_finish(&maker, &size);
	int fd = spawn_seal_plan(plan, size);
	free(plan);
	CHECK(fd >= 0 && write(fd, "", 1) < 0 && errno == EPERM);
	CHECK_EQUAL(spawn_sealed_plan(fd, check_init(), 0, &outcome), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", outcome.cgroup);
	CHECK(readlink(path, target, sizeof target - 1) > 0);
	close(outcome.cgroup);
	close(fd);
	int status = wait_outcome();
	remove_cgroup();
	CHECK_EQUAL(status, 3);
	CHECK_TEXT(target, cgroup_path());
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_failure_kills_and_removes_the_cgroup(void)
{
	start_plan();
	make_cgroup();
	parent(CLONE, 0, CGROUP);
	parent(AWAIT_EXEC);
	fail_here();
	add_shell("sleep 1000 & sleep 1000");
	int before = check_open_descriptors();
	fail_plan(ENOENT, PLAN_PARENT, 6);
	CHECK_EQUAL(outcome.undo_error, 0);
	CHECK(access(cgroup_path(), F_OK));
	CHECK_EQUAL(check_open_descriptors(), before);
}

static void a_cgroup_with_processes_is_not_taken_over(void)
{
	start_plan();
	make_cgroup();
	parent(CLONE, 0, CGROUP);
	parent(AWAIT_EXEC);
	add_shell("exec sleep 1000");
	run_plan();
	struct spawn_outcome first = outcome;
	start_plan();
	make_cgroup();
	fail_plan(EBUSY, PLAN_PARENT, 2);
	CHECK_EQUAL(outcome.undo_error, 0);
	CHECK_EQUAL(spawn_wait(first.pidfd, 0), -ETIMEDOUT);
	CHECK(!kill(first.pid, SIGKILL));
	outcome = first;
	CHECK_EQUAL(wait_outcome(), 256 + SIGKILL);
	/* Without processes it may be used again. */
	start_plan();
	make_cgroup();
	run_plan();
	remove_cgroup();
}

static void a_device_program_is_attached(void)
{
	start_plan();
	make_cgroup();
	parent(CGROUP_DEVICES, CGROUP, maker_bytes(&maker, allow_all, sizeof allow_all));
	int before = check_open_descriptors();
	run_plan();
	remove_cgroup();
	CHECK_EQUAL(check_open_descriptors(), before);
	start_plan();
	make_cgroup();
	parent(CGROUP_DEVICES, CGROUP, bytes("no program"));
	fail_plan(EINVAL, PLAN_PARENT, 4);
	CHECK(access(cgroup_path(), F_OK));
}

static void a_value_that_says_nothing_needs_no_file(void)
{
	start_plan();
	make_cgroup();
	parent(CGROUP_WRITE, CGROUP, text("no.such.file"), bytes("max"), 1);
	run_plan();
	remove_cgroup();
	maker.ops[PLAN_PARENT][4].arg[3] = 0;
	fail_plan(ENOENT, PLAN_PARENT, 4);
	/* A value that the kernel refuses is an error in any case. */
	maker.ops[PLAN_PARENT][4].arg[1] = text("cgroup.max.depth");
	maker.ops[PLAN_PARENT][4].arg[2] = bytes("nonsense");
	maker.ops[PLAN_PARENT][4].arg[3] = 1;
	fail_plan(EINVAL, PLAN_PARENT, 4);
}

static void a_controller_that_is_required_must_be_there(void)
{
	start_plan();
	make_cgroup();
	parent(CGROUP_ENABLE, CGROUP, text("+nonsense +another"), text(""));
	parent(CGROUP_ENABLE, CGROUP, text(""), text("+nonsense"));
	fail_plan(EINVAL, PLAN_PARENT, 5);
}

static void a_directory_that_is_no_cgroup_is_refused(void)
{
	start_plan();
	parent(CGROUP_ROOT, CGROUPS, text(check_directory()));
	fail_plan(ENOTSUP, PLAN_PARENT, 0);
}

static void the_cgroup_of_a_process_is_found(void)
{
	char name[512];
	struct spawn_outcome first;
	start_plan();
	make_cgroup();
	parent(CLONE, 0, CGROUP);
	parent(AWAIT_EXEC);
	add_shell("exec sleep 1000");
	run_plan();
	first = outcome;
	start_plan();
	parent(CGROUP_ROOT, CGROUPS, text(find_cgroups()));
	parent(CGROUP_OF, CGROUP, CGROUPS, (uint64_t)first.pid);
	parent(CGROUP_WRITE, CGROUP, text("cgroup.max.depth"), bytes("7"));
	run_plan();
	parent(CGROUP_OF, CGROUP, CGROUPS, 0x3fffffff);
	fail_plan(ENOENT, PLAN_PARENT, 3);
	kill(first.pid, SIGKILL);
	outcome = first;
	CHECK_EQUAL(wait_outcome(), 256 + SIGKILL);
	snprintf(name, sizeof name, "%s/cgroup.max.depth", cgroup_path());
	char value[8] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, value, sizeof value - 1) > 0);
	close(fd);
	remove_cgroup();
	CHECK_TEXT(value, "7\n");
}

static const struct check_test tests[] = {
	TEST(the_record_is_written),
	TEST(the_root_is_made_with_what_is_above_it),
	TEST(a_file_is_replaced_at_once),
	TEST(a_record_that_exists_is_left_alone),
	TEST(a_failure_undoes_the_record),
	TEST(the_undo_goes_on_after_an_error),
	TEST(the_record_is_locked_while_it_is_made),
	TEST(a_template_that_fails_leaves_no_file),
	TEST(a_pid_file_is_written_beside_and_renamed),
	TEST(a_pid_file_with_a_long_name_is_refused),
	TEST(a_link_at_the_place_of_the_temporary_file_is_not_followed),
	TEST(a_device_must_be_what_it_is_said_to_be),
	TEST(a_namespace_must_be_of_its_type),
	TEST(a_fifo_is_no_namespace),
	TEST(a_process_must_be_the_one_that_was_meant),
	TEST(a_process_that_is_ended_is_gone),
	TEST(a_process_is_born_in_its_cgroup),
	TEST(the_cgroup_of_a_sealed_plan_is_handed_out),
	TEST(a_failure_kills_and_removes_the_cgroup),
	TEST(a_cgroup_with_processes_is_not_taken_over),
	TEST(a_device_program_is_attached),
	TEST(a_value_that_says_nothing_needs_no_file),
	TEST(a_controller_that_is_required_must_be_there),
	TEST(a_directory_that_is_no_cgroup_is_refused),
	TEST(the_cgroup_of_a_process_is_found),
};
CHECK_MAIN(tests)

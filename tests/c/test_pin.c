/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces without processes, and the process of a namespace that is there for nothing else. */
#include "spawn_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORY 9

#define parent(code, ...) maker_add(&maker, PLAN_PARENT, code, __VA_ARGS__)
#define child(code, ...) maker_add(&maker, PLAN_CHILD, code, __VA_ARGS__)
#define undo(code, ...) maker_add(&maker, PLAN_UNDO, code, __VA_ARGS__)
#define text(value) maker_text(&maker, value)

/* A child in a namespace of this type that waits to be killed, and a pin of it. */
static void pin_plan(uint64_t type)
{
	start_plan();
	parent(OPEN, DIRECTORY, text(check_directory()), O_PATH | O_DIRECTORY);
	parent(CLONE, type, PLAN_NO_SLOT);
	parent(AWAIT, PLAN_POINT_READY);
	parent(PIN_NAMESPACE, DIRECTORY, text("pin"), type);
	undo(KILL_CHILD);
	undo(UNPIN_NAMESPACE, DIRECTORY, text("pin"));
	if (type == CLONE_NEWUTS)
		child(HOSTNAME, text("pinned"));
	child(RENDEZVOUS, PLAN_POINT_READY);
}

static void unpin(void)
{
	start_plan();
	parent(OPEN, DIRECTORY, text(check_directory()), O_PATH | O_DIRECTORY);
	parent(UNPIN_NAMESPACE, DIRECTORY, text("pin"));
	run_plan();
}

static void pin_and_unpin(uint64_t type)
{
	pin_plan(type);
	parent(KILL_CHILD);
	int before = check_open_descriptors();
	run_plan();
	CHECK_EQUAL(outcome.pid, 0);
	CHECK_EQUAL(outcome.pidfd, -1);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	int pin = open(path_of("pin"), O_RDONLY | O_CLOEXEC);
	int found = ioctl(pin, NS_GET_NSTYPE);
	close(pin);
	unpin();
	CHECK_EQUAL(found, type);
	CHECK(!exists("pin"));
}

static void namespaces_outlive_their_process(void)
{
	static const uint64_t types[] = { CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWPID };
	check_needs_root();
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		pin_and_unpin(types[i]);
}

static void read_pinned_name(void)
{
	char name[64] = "";
	int pin = open(path_of("pin"), O_RDONLY | O_CLOEXEC);
	CHECK(!setns(pin, CLONE_NEWUTS));
	CHECK(!gethostname(name, sizeof name));
	CHECK_TEXT(name, "pinned");
}

static void a_pinned_namespace_is_joined(void)
{
	check_needs_root();
	pin_plan(CLONE_NEWUTS);
	parent(KILL_CHILD);
	run_plan();
	check_in_child(read_pinned_name);
	unpin();
}

static void a_failure_undoes_a_pin(void)
{
	check_needs_root();
	pin_plan(CLONE_NEWNET);
	parent(PIN_NAMESPACE, DIRECTORY, text("pin"), CLONE_NEWNET);
	fail_plan(EEXIST, PLAN_PARENT, 4);
	CHECK_EQUAL(outcome.undo_error, 0);
	CHECK(!exists("pin"));
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void a_pin_needs_a_process_and_a_type(void)
{
	start_plan();
	parent(OPEN, DIRECTORY, text(check_directory()), O_PATH | O_DIRECTORY);
	parent(PIN_NAMESPACE, DIRECTORY, text("pin"), CLONE_NEWNET);
	fail_plan(ESRCH, PLAN_PARENT, 1);
	maker.ops[PLAN_PARENT][1].arg[2] = CLONE_NEWNET | CLONE_NEWUTS;
	fail_plan(EINVAL, PLAN_PARENT, 1);
	CHECK(!exists("pin"));
}

static void what_is_not_pinned_is_removed_all_the_same(void)
{
	unpin();
	int fd = open(path_of("pin"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	close(fd);
	unpin();
	CHECK(!exists("pin"));
}

/* A link in the place of a pin is removed, what it leads to is not touched. */
static void a_link_is_not_followed(void)
{
	check_needs_root();
	CHECK(!mkdir(path_of("mount"), 0700));
	CHECK(!mount("tmpfs", path_of("mount"), "tmpfs", 0, ""));
	CHECK(!symlink("mount", path_of("pin")));
	unpin();
	CHECK(!exists("pin"));
	CHECK(!umount(path_of("mount")));
}

static void start_reaper(void)
{
	check_needs_root();
	start_plan();
	parent(CLONE, CLONE_NEWPID, PLAN_NO_SLOT);
	parent(AWAIT_EXEC);
	child(DUMPABLE, 0);
	child(REAP);
	undo(KILL_CHILD);
	run_plan();
	CHECK(outcome.pid > 0);
}

static int has_ended(void)
{
	struct pollfd end = { outcome.pidfd, POLLIN, 0 };
	return poll(&end, 1, 0);
}

static void a_reaper_ends_when_it_is_asked_from_outside(void)
{
	start_reaper();
	CHECK(!has_ended());
	CHECK(!kill(outcome.pid, SIGTERM));
	CHECK_EQUAL(wait_outcome(), 0);
}

static void a_reaper_holds_no_descriptor(void)
{
	char path[64];
	start_reaper();
	snprintf(path, sizeof path, "ls /proc/%d/fd | grep -q .", outcome.pid);
	int found = system(path);
	kill(outcome.pid, SIGINT);
	CHECK_EQUAL(wait_outcome(), 0);
	CHECK_EQUAL(WEXITSTATUS(found), 1);
}

/* From inside, whatever a process of the namespace tries. */
static void attack(void)
{
	union sigval value = { 0 };
	siginfo_t forged = { .si_signo = SIGTERM, .si_code = SI_QUEUE };
	CHECK_EQUAL(getppid(), 0);
	for (int signal = 1; signal < 65; signal++)
		if (signal != SIGCHLD)
			kill(1, signal);
	sigqueue(1, SIGTERM, value);
	CHECK(!syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &forged));
	CHECK(!syscall(SYS_tgkill, 1, 1, SIGTERM));
	/* An orphan that the reaper takes: it is gone when its number can be used no more. */
	int ready[2];
	CHECK(!pipe2(ready, O_CLOEXEC));
	pid_t middle = fork();
	if (!middle) {
		pid_t orphan = fork();
		if (!orphan)
			pause();
		CHECK_EQUAL(write(ready[1], &orphan, sizeof orphan), sizeof orphan);
		_exit(0);
	}
	pid_t orphan;
	CHECK_EQUAL(read(ready[0], &orphan, sizeof orphan), sizeof orphan);
	CHECK_EQUAL(waitpid(middle, NULL, 0), middle);
	CHECK(!kill(orphan, SIGKILL));
	while (!kill(orphan, 0))
		sched_yield();
	CHECK_EQUAL(errno, ESRCH);
}

static void enter_and_attack(void)
{
	int status;
	CHECK(!setns(outcome.pidfd, CLONE_NEWPID));
	pid_t inside = fork();
	if (!inside) {
		attack();
		_exit(0);
	}
	CHECK_EQUAL(waitpid(inside, &status, 0), inside);
	CHECK_EQUAL(status, 0);
}

static void a_reaper_is_not_ended_from_inside_and_reaps(void)
{
	start_reaper();
	check_in_child(enter_and_attack);
	CHECK(!has_ended());
	kill(outcome.pid, SIGTERM);
	CHECK_EQUAL(wait_outcome(), 0);
}

/* Leaves a process behind, and its number. */
static void start_and_exit(void)
{
	start_plan();
	parent(CLONE, 0, PLAN_NO_SLOT);
	parent(AWAIT, PLAN_POINT_READY);
	parent(PID_FILE, text(path_of("pid")), maker_bytes(&maker, "\1", 1));
	parent(RELEASE, PLAN_POINT_READY);
	parent(AWAIT_EXEC);
	child(DIE_WITH_PARENT);
	child(RENDEZVOUS, PLAN_POINT_READY);
	child(REAP);
	run_plan();
}

static void who_dies_with_its_parent_does(void)
{
	check_directory();
	check_in_child(start_and_exit);
	int pid = atoi(content_of("pid"));
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = { pidfd, POLLIN, 0 };
	CHECK(pid > 0);
	CHECK(pidfd < 0 ? errno == ESRCH : poll(&end, 1, 60000) == 1);
	close(pidfd);
}

static const struct check_test tests[] = {
	TEST(namespaces_outlive_their_process),
	TEST(a_pinned_namespace_is_joined),
	TEST(a_failure_undoes_a_pin),
	TEST(a_pin_needs_a_process_and_a_type),
	TEST(what_is_not_pinned_is_removed_all_the_same),
	TEST(a_link_is_not_followed),
	TEST(a_reaper_ends_when_it_is_asked_from_outside),
	TEST(a_reaper_holds_no_descriptor),
	TEST(a_reaper_is_not_ended_from_inside_and_reaps),
	TEST(who_dies_with_its_parent_does),
};

CHECK_MAIN(tests)

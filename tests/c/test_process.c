/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *const no_environment[] = { NULL };

static struct process shell(char **argv, const char *script)
{
	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = (char *)(uintptr_t)script;
	argv[3] = NULL;
	return (struct process){ .program = "/bin/sh", .argv = argv, .envp = no_environment, .cgroup = -1,
				 .streams = { -1, -1, -1 }, .keep = { -1, -1 }, .first_closed = 3 };
}

/* Starts, waits and reaps: the exit status. */
static int run(struct process *process)
{
	CHECK_EQUAL(process_start(process), 0);
	CHECK(process->pid > 0);
	int status = process_wait(process->pidfd, -1);
	close(process->pidfd);
	return status;
}

static int run_shell(const char *script)
{
	char *argv[4];
	struct process process = shell(argv, script);
	return run(&process);
}

static const char *output_of(struct process *process)
{
	static char text[8192];
	process->streams[1] = process->streams[2] = memfd_create("output", MFD_CLOEXEC);
	CHECK_EQUAL(run(process), 0);
	ssize_t n = pread(process->streams[1], text, sizeof text - 1, 0);
	CHECK(n >= 0);
	text[n] = 0;
	close(process->streams[1]);
	return text;
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void nothing_is_left_to_reap(void)
{
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void the_exit_status_is_told(void)
{
	CHECK_EQUAL(run_shell("exit 0"), 0);
	CHECK_EQUAL(run_shell("exit 7"), 7);
	CHECK_EQUAL(run_shell("exit 255"), 255);
	nothing_is_left_to_reap();
}

static void the_signal_that_ended_it_is_told(void)
{
	CHECK_EQUAL(run_shell("kill -TERM $$"), 256 + SIGTERM);
	CHECK_EQUAL(run_shell("kill -KILL $$"), 256 + SIGKILL);
}

static void arguments_and_environment_are_passed(void)
{
	char *argv[] = { "sh", "-c", "echo $0 $1 $A $B", "zero", "one", NULL };
	char *envp[] = { "A=a b", "B=c", NULL };
	struct process process = shell((char *[4]){ 0 }, "");
	process.argv = argv;
	process.envp = envp;
	CHECK_TEXT(output_of(&process), "zero one a b c\n");
}

static void fails_to_start(struct process *process, int error)
{
	int before = check_open_descriptors();
	CHECK_EQUAL(process_start(process), error);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_left_to_reap();
}

static void the_error_of_the_execution_is_told(void)
{
	char *argv[4];
	struct process process = shell(argv, "");
	process.program = "/proc/nonexistent/program";
	fails_to_start(&process, -ENOENT);
	process.program = "/proc/self/status";
	fails_to_start(&process, -EACCES);
	process.program = "/";
	fails_to_start(&process, -EACCES);
}

static void what_is_no_program_is_enoexec(void)
{
	char *argv[4], path[4200];
	struct process process = shell(argv, "");
	snprintf(path, sizeof path, "%s/garbage", check_directory());
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	CHECK_EQUAL(write(fd, "garbage", 7), 7);
	close(fd);
	process.program = path;
	fails_to_start(&process, -ENOEXEC);
}

static void a_bad_descriptor_is_an_error_of_the_start(void)
{
	char *argv[4];
	struct process process = shell(argv, "exit 0");
	process.streams[0] = 900;
	fails_to_start(&process, -EBADF);
	process = shell(argv, "exit 0");
	process.keep[1] = 900;
	fails_to_start(&process, -EBADF);
	process = shell(argv, "exit 0");
	process.cgroup = 900;
	fails_to_start(&process, -EBADF);
}

static void refused_namespaces_are_an_error_of_the_start(void)
{
	char *argv[4];
	struct process process = shell(argv, "exit 0");
	process.flags = CLONE_THREAD;
	fails_to_start(&process, -EINVAL);
}

static void a_program_may_be_a_descriptor(void)
{
	char *argv[4];
	struct process process = shell(argv, "echo ran");
	process.program = NULL;
	process.program_fd = open("/bin/sh", O_PATH | O_CLOEXEC);
	CHECK_TEXT(output_of(&process), "ran\n");
	close(process.program_fd);
}

static void standard_streams_are_wired(void)
{
	char *argv[4];
	struct process process = shell(argv, "cat; echo error >&2");
	process.streams[0] = memfd_create("input", MFD_CLOEXEC);
	CHECK_EQUAL(pwrite(process.streams[0], "input,", 6, 0), 6);
	CHECK_TEXT(output_of(&process), "input,error\n");
	close(process.streams[0]);
}

static void wire_a_descriptor_that_is_in_its_place(void)
{
	char *argv[4];
	struct process process = shell(argv, "cat");
	int fd = memfd_create("input", MFD_CLOEXEC);
	CHECK_EQUAL(pwrite(fd, "input", 5, 0), 5);
	CHECK(dup3(fd, 0, O_CLOEXEC) == 0);
	process.streams[0] = 0;
	CHECK_TEXT(output_of(&process), "input");
}

static void a_descriptor_in_its_place_is_passed_on(void)
{
	check_in_child(wire_a_descriptor_that_is_in_its_place);
}

static void a_detached_program_has_a_session_of_its_own(void)
{
	char *argv[4];
	struct process process = shell(argv, "pwd; cut -d' ' -f6 /proc/self/stat");
	char *envp[] = { "PATH=/usr/bin:/bin", NULL };
	char expected[32];
	process.envp = envp;
	process.detached = 1;
	const char *said = output_of(&process);
	snprintf(expected, sizeof expected, "/\n%d\n", process.pid);
	CHECK_TEXT(said, expected);
}

static void without_streams_the_callers_are_used(void)
{
	char *argv[4];
	struct stat stat;
	char script[128];
	CHECK(!fstat(2, &stat));
	snprintf(script, sizeof script, "test \"$(stat -Lc %%i /proc/self/fd/2)\" = %llu",
		 (unsigned long long)stat.st_ino);
	struct process process = shell(argv, script);
	char *envp[] = { "PATH=/usr/bin:/bin", NULL };
	process.envp = envp;
	CHECK_EQUAL(run(&process), 0);
}

#define LISTING "for fd in 3 4 5 6 7 8 9 100; do test -e /proc/self/fd/$fd && echo $fd; done; :"

/* Descriptors without close-on-exec, as a careless caller has them. */
static void open_from_3_to_9(void)
{
	for (int fd = 3; fd < 10; fd++)
		CHECK_EQUAL(dup2(2, fd), fd);
	CHECK_EQUAL(dup2(2, 100), 100);
}

static void start_closing_from_3(void)
{
	char *argv[4];
	struct process process = shell(argv, LISTING);
	open_from_3_to_9();
	CHECK_TEXT(output_of(&process), "");
}

static void start_closing_from_5(void)
{
	char *argv[4];
	struct process process = shell(argv, LISTING);
	open_from_3_to_9();
	process.first_closed = 5;
	CHECK_TEXT(output_of(&process), "3\n4\n");
}

static void start_keeping_two(void)
{
	char *argv[4];
	struct process process = shell(argv, LISTING);
	open_from_3_to_9();
	process.keep[0] = 100;
	process.keep[1] = 7;
	CHECK_EQUAL(fcntl(7, F_SETFD, FD_CLOEXEC), 0);
	CHECK_TEXT(output_of(&process), "7\n100\n");
	CHECK_EQUAL(fcntl(7, F_GETFD), FD_CLOEXEC);
}

static void descriptors_are_closed(void)
{
	check_in_child(start_closing_from_3);
}

static void descriptors_before_the_first_closed_are_inherited(void)
{
	check_in_child(start_closing_from_5);
}

static void descriptors_to_keep_are_inherited(void)
{
	check_in_child(start_keeping_two);
}

static void the_caller_keeps_its_signal_mask(void)
{
	sigset_t before, after, blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	CHECK_EQUAL(run_shell("exit 0"), 0);
	pthread_sigmask(SIG_SETMASK, &before, &after);
	for (int signal = 1; signal < 32; signal++)
		CHECK_EQUAL(sigismember(&after, signal), sigismember(&before, signal) || signal == SIGUSR1);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CHECK(!sigismember(&after, SIGUSR1) && !sigismember(&after, SIGTERM));
}

static void the_caller_keeps_its_signal_mask_after_an_error(void)
{
	char *argv[4];
	sigset_t mask;
	struct process process = shell(argv, "");
	process.program = "/proc/nonexistent";
	CHECK_EQUAL(process_start(&process), -ENOENT);
	process.flags = CLONE_THREAD;
	CHECK_EQUAL(process_start(&process), -EINVAL);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(!sigismember(&mask, SIGTERM));
}

static void on_signal(int signal)
{
	(void)signal;
}

static void expect_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		check_fail(__FILE__, __LINE__, "no \"%s\"", line);
}

static void block_and_ignore(void)
{
	char *argv[] = { "cat", "/proc/self/status", NULL };
	sigset_t mask;
	struct process process = shell((char *[4]){ 0 }, "");
	process.program = "/bin/cat";
	process.argv = argv;
	sigfillset(&mask);
	CHECK(!sigprocmask(SIG_SETMASK, &mask, NULL));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, on_signal);
	const char *status = output_of(&process);
	expect_line(status, "\nSigBlk:\t0000000000000000\n");
	expect_line(status, "\nSigIgn:\t0000000000000000\n");
	expect_line(status, "\nSigCgt:\t0000000000000000\n");
	CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	CHECK(signal(SIGUSR1, SIG_DFL) == on_signal);
}

static void a_program_starts_with_signals_as_they_are_by_default(void)
{
	check_in_child(block_and_ignore);
}

static void a_wait_ends_at_its_timeout(void)
{
	char *argv[4];
	struct process process = shell(argv, "exec sleep 100");
	char *envp[] = { "PATH=/usr/bin:/bin", NULL };
	process.envp = envp;
	CHECK_EQUAL(process_start(&process), 0);
	long long start = now_ms();
	CHECK_EQUAL(process_wait(process.pidfd, 50), -ETIMEDOUT);
	CHECK(now_ms() - start >= 50);
	CHECK_EQUAL(process_wait(process.pidfd, 0), -ETIMEDOUT);
	CHECK(!kill(process.pid, SIGKILL));
	CHECK_EQUAL(process_wait(process.pidfd, 60000), 256 + SIGKILL);
	close(process.pidfd);
	nothing_is_left_to_reap();
}

static void a_wait_may_be_longer_than_time(void)
{
	char *argv[4];
	struct process process = shell(argv, "exit 3");
	CHECK_EQUAL(process_start(&process), 0);
	CHECK_EQUAL(process_wait(process.pidfd, INT64_MAX), 3);
	close(process.pidfd);
}

static void a_wait_goes_on_after_a_signal(void)
{
	char *argv[4];
	struct process process = shell(argv, "kill -USR1 $PPID; kill -USR1 $PPID; exit 4");
	signal(SIGUSR1, on_signal);
	CHECK_EQUAL(run(&process), 4);
	signal(SIGUSR1, SIG_DFL);
}

static void waiting_for_no_process_is_an_error(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK_EQUAL(process_wait(-1, -1), -EBADF);
	CHECK_EQUAL(process_wait(900, -1), -EBADF);
	CHECK_EQUAL(process_wait(fd, -1), -EBADF);
	close(fd);
}

static void the_process_is_born_in_new_namespaces(void)
{
	char *argv[4], here[64] = "";
	struct process process = shell(argv, "readlink /proc/self/ns/uts");
	char *envp[] = { "PATH=/usr/bin:/bin", NULL };
	check_needs_root();
	process.envp = envp;
	process.flags = CLONE_NEWUTS;
	CHECK(readlink("/proc/self/ns/uts", here, sizeof here - 1) > 0);
	const char *there = output_of(&process);
	CHECK(!strncmp(there, "uts:", 4));
	CHECK(strncmp(there, here, strlen(here)));
}

static const char *find_cgroups(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	for (size_t i = 0; i < 2; i++) {
		struct statfs fs;
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC && !access(places[i], W_OK))
			return places[i];
	}
	check_skip("needs a writable cgroup v2 hierarchy");
}

static void the_process_is_born_in_its_cgroup(void)
{
	char *argv[4], path[256], wanted[64];
	struct process process = shell(argv, "grep ^0:: /proc/self/cgroup");
	char *envp[] = { "PATH=/usr/bin:/bin", NULL };
	process.envp = envp;
	snprintf(path, sizeof path, "%s/firkin-test-%d", find_cgroups(), getpid());
	CHECK(!mkdir(path, 0755) || errno == EEXIST);
	process.cgroup = open(path, O_DIRECTORY | O_CLOEXEC);
	const char *got = output_of(&process);
	snprintf(wanted, sizeof wanted, "/firkin-test-%d\n", getpid());
	CHECK(!rmdir(path));
	close(process.cgroup);
	CHECK(strstr(got, wanted));
}

#define STARTERS 4
#define STARTS 40

static atomic_int running;

static void *allocate(void *unused)
{
	(void)unused;
	for (unsigned i = 1; running; i++) {
		char *block = malloc(i % 4096 + 1);
		memset(block, (int)i, i % 4096 + 1);
		free(block);
	}
	return NULL;
}

static void *start_many(void *argument)
{
	intptr_t wrong = 0, own = (intptr_t)argument;
	for (int i = 0; i < STARTS; i++) {
		char *argv[4], script[32];
		int status = (int)(own * STARTS + i) % 200 + 1;
		snprintf(script, sizeof script, "exit %d", status);
		struct process process = shell(argv, script);
		if (i % 10 == 9)
			process.program = "/proc/nonexistent";
		int r = process_start(&process);
		if (i % 10 == 9) {
			wrong += r != -ENOENT;
			continue;
		}
		wrong += r || process_wait(process.pidfd, -1) != status;
		close(process.pidfd);
	}
	return (void *)wrong;
}

static atomic_int ticks;

static void on_tick(int signal)
{
	(void)signal;
	ticks++;
}

/* Handlers run all the time: one that ran in a child would run on this process's memory. */
static void start_ticking(timer_t *timer)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	sigaction(SIGALRM, &action, NULL);
	CHECK(!timer_create(CLOCK_MONOTONIC, NULL, timer));
	CHECK(!timer_settime(*timer, 0, &often, NULL));
}

static void several_threads_start_processes_while_others_run(void)
{
	pthread_t starters[STARTERS], others[2];
	timer_t timer;
	intptr_t wrong = 0;
	int before = check_open_descriptors();
	running = 1;
	start_ticking(&timer);
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&others[i], NULL, allocate, NULL));
	for (intptr_t i = 0; i < STARTERS; i++)
		CHECK(!pthread_create(&starters[i], NULL, start_many, (void *)i));
	for (int i = 0; i < STARTERS; i++) {
		void *result;
		pthread_join(starters[i], &result);
		wrong += (intptr_t)result;
	}
	running = 0;
	for (int i = 0; i < 2; i++)
		pthread_join(others[i], NULL);
	timer_delete(timer);
	CHECK_EQUAL(wrong, 0);
	CHECK(ticks > 10);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_left_to_reap();
}

static long long start_time_of_self(void)
{
	char stat[1024];
	long long time;
	FILE *file = fopen("/proc/self/stat", "re");
	CHECK(file && fgets(stat, sizeof stat, file));
	fclose(file);
	CHECK(sscanf(strrchr(stat, ')') + 2,
		     "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &time) == 1);
	return time;
}

static void the_start_time_is_the_kernels(void)
{
	CHECK(process_start_time(getpid()) > 0);
	CHECK_EQUAL(process_start_time(getpid()), start_time_of_self());
	CHECK(process_start_time(1) <= process_start_time(getpid()));
}

static void the_start_time_does_not_depend_on_the_name(void)
{
	char name[17] = "";
	long long time = process_start_time(getpid());
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, ") S 1 (2 3) 4 5");
	CHECK_EQUAL(process_start_time(getpid()), time);
	prctl(PR_SET_NAME, "))))(((( \n");
	CHECK_EQUAL(process_start_time(getpid()), time);
	prctl(PR_SET_NAME, name);
}

static void no_process_has_no_start_time(void)
{
	CHECK_EQUAL(process_start_time(0x3fffffff), -ENOENT);
}

static void files_of_a_process_are_opened_close_on_exec(void)
{
	int fd = process_open(getpid(), "status", O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	CHECK_EQUAL(process_open(getpid(), "no-such-file", O_RDONLY), -ENOENT);
}

static void a_path_that_would_be_cut_is_refused(void)
{
	char file[128] = "status";
	memset(file + 6, '/', 100);
	CHECK_EQUAL(process_open(getpid(), file, O_RDONLY), -ENAMETOOLONG);
}

static const struct check_test tests[] = {
	TEST(the_exit_status_is_told),
	TEST(the_signal_that_ended_it_is_told),
	TEST(arguments_and_environment_are_passed),
	TEST(the_error_of_the_execution_is_told),
	TEST(what_is_no_program_is_enoexec),
	TEST(a_bad_descriptor_is_an_error_of_the_start),
	TEST(refused_namespaces_are_an_error_of_the_start),
	TEST(a_program_may_be_a_descriptor),
	TEST(standard_streams_are_wired),
	TEST(a_descriptor_in_its_place_is_passed_on),
	TEST(a_detached_program_has_a_session_of_its_own),
	TEST(without_streams_the_callers_are_used),
	TEST(descriptors_are_closed),
	TEST(descriptors_before_the_first_closed_are_inherited),
	TEST(descriptors_to_keep_are_inherited),
	TEST(the_caller_keeps_its_signal_mask),
	TEST(the_caller_keeps_its_signal_mask_after_an_error),
	TEST(a_program_starts_with_signals_as_they_are_by_default),
	TEST(a_wait_ends_at_its_timeout),
	TEST(a_wait_may_be_longer_than_time),
	TEST(a_wait_goes_on_after_a_signal),
	TEST(waiting_for_no_process_is_an_error),
	TEST(the_process_is_born_in_new_namespaces),
	TEST(the_process_is_born_in_its_cgroup),
	TEST(several_threads_start_processes_while_others_run),
	TEST(the_start_time_is_the_kernels),
	TEST(the_start_time_does_not_depend_on_the_name),
	TEST(no_process_has_no_start_time),
	TEST(files_of_a_process_are_opened_close_on_exec),
	TEST(a_path_that_would_be_cut_is_refused),
};
CHECK_MAIN(tests)

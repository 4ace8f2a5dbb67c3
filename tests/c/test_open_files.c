/* SPDX-License-Identifier: Apache-2.0 */
/* What processes have open, of real processes; a system call fails where a test wants it to. */
#include "check.h"
#include "open_files.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 300

static long failing_number = -1, failure;

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == failing_number)
		return failure;
	long r = syscall(number, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

/* A list as cgroup.procs is one, `times` over. */
static int list_of(int pid, int times)
{
	int fd = memfd_create("procs", MFD_CLOEXEC);
	CHECK(fd >= 0);
	for (int i = 0; i < times; i++)
		CHECK(dprintf(fd, "%d\n", pid) > 0);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int count(int pid, int times, struct open_files *counts)
{
	memset(counts, 0, sizeof *counts);
	int list = list_of(pid, times);
	int r = open_files_count(list, counts);
	close(list);
	return r;
}

static void descriptors_and_sockets_are_counted(void)
{
	struct open_files before, after;
	CHECK(!count(getpid(), 1, &before));
	CHECK(before.processes == 1 && before.descriptors >= 3);
	int pair[2], files[MANY];
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	/* More than the kernel tells of at once. */
	for (int i = 0; i < MANY; i++)
		CHECK((files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	CHECK(!count(getpid(), 1, &after));
	CHECK(after.descriptors == before.descriptors + 2 + MANY);
	CHECK(after.sockets == before.sockets + 2);
	for (int i = 0; i < MANY; i++)
		close(files[i]);
	close(pair[0]);
	close(pair[1]);
}

static void a_file_with_the_name_of_a_socket_is_none(void)
{
	struct open_files before, after;
	int directory = check_directory_fd();
	CHECK(!count(getpid(), 1, &before));
	int fd = openat(directory, "socket:[1]", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK(!count(getpid(), 1, &after));
	CHECK(after.descriptors == before.descriptors + 1 && after.sockets == before.sockets);
	close(fd);
}

static void a_list_may_be_longer_than_one_read(void)
{
	struct open_files counts;
	CHECK(!count(getpid(), 1500, &counts));
	CHECK(counts.processes == 1500);
}

static void a_process_that_has_ended_counts_nothing(void)
{
	struct open_files counts;
	pid_t child = fork();
	if (!child)
		_exit(0);
	siginfo_t info;
	CHECK(child > 0 && !waitid(P_PID, (id_t)child, &info, WEXITED));
	CHECK(!count(child, 1, &counts));
	CHECK(!counts.processes && !counts.descriptors);
	/* Of another pid namespace. */
	CHECK(!count(0, 1, &counts) && !counts.processes);
}

static void failures_are_told(void)
{
	struct open_files counts;
	failing_number = SYS_openat, failure = -EACCES;
	CHECK(count(getpid(), 1, &counts) == -EACCES);
	failing_number = SYS_getdents64, failure = -ESRCH;
	CHECK(!count(getpid(), 1, &counts) && !counts.descriptors);
	failing_number = SYS_read, failure = -EOPNOTSUPP;
	CHECK(count(getpid(), 1, &counts) == -EOPNOTSUPP);
	failing_number = SYS_readlinkat, failure = -ENOENT;
	CHECK(!count(getpid(), 1, &counts) && counts.descriptors && !counts.sockets);
	failing_number = -1;
}

static const struct check_test tests[] = {
	TEST(descriptors_and_sockets_are_counted),
	TEST(a_file_with_the_name_of_a_socket_is_none),
	TEST(a_list_may_be_longer_than_one_read),
	TEST(a_process_that_has_ended_counts_nothing),
	TEST(failures_are_told),
};

CHECK_MAIN(tests)

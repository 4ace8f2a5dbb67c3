/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of other network namespaces; a system call fails where a test wants it to. */
#include "check.h"
#include "netns.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIOCGSKNS 0x894C /* linux/sockios.h; Linux 4.10 */

static long failing_number, failing_call, failure;

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == failing_number && failing_call-- == 0)
		return failure;
	long r = syscall(number, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

static void fail(long number, long call, long result)
{
	failing_number = number;
	failing_call = call;
	failure = result;
}

static int same_file(int a, int b)
{
	struct stat x, y;
	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int own_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* A namespace that nothing but the descriptor keeps. */
static int new_namespace(void)
{
	int own = own_namespace();
	CHECK(!unshare(CLONE_NEWNET));
	int fd = own_namespace();
	CHECK(!setns(own, CLONE_NEWNET));
	close(own);
	return fd;
}

static void a_socket_is_of_the_other_namespace_and_the_thread_of_its_own(void)
{
	check_needs_root();
	fail(-1, 0, 0);
	int own = own_namespace(), other = new_namespace(), descriptors = check_open_descriptors();
	int sock = netns_socket(other, AF_INET, SOCK_STREAM);
	CHECK(sock >= 0);
	CHECK_EQUAL(check_open_descriptors(), descriptors + 1);
	CHECK_EQUAL(fcntl(sock, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(sock, F_GETFL) & O_NONBLOCK);
	int of_socket = ioctl(sock, SIOCGSKNS), now = own_namespace();
	CHECK(same_file(of_socket, other) && !same_file(of_socket, own) && same_file(now, own));
	close(of_socket);
	close(now);
	close(sock);
	close(other);
	close(own);
}

static void a_failure_leaves_nothing_behind(void)
{
	check_needs_root();
	static const struct {
		long number, call;
	} steps[] = { { SYS_openat, 0 }, { SYS_setns, 0 }, { SYS_socket, 0 } };
	int own = own_namespace(), other = new_namespace();
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int descriptors = check_open_descriptors();
		fail(steps[i].number, steps[i].call, -ENOMEM);
		CHECK_EQUAL(netns_socket(other, AF_INET, SOCK_STREAM), -ENOMEM);
		CHECK_EQUAL(check_open_descriptors(), descriptors);
		int now = own_namespace();
		CHECK(same_file(now, own));
		close(now);
	}
	close(other);
	close(own);
}

static void what_is_no_network_namespace_is_refused(void)
{
	check_needs_root();
	fail(-1, 0, 0);
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC), mount = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	CHECK_EQUAL(netns_socket(file, AF_INET, SOCK_STREAM), -EINVAL);
	CHECK_EQUAL(netns_socket(mount, AF_INET, SOCK_STREAM), -EINVAL);
	CHECK_EQUAL(netns_socket(-1, AF_INET, SOCK_STREAM), -EBADF);
	close(file);
	close(mount);
}

static void who_can_not_come_back_does_not_go_on(void)
{
	check_needs_root();
	int other = new_namespace();
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		fail(SYS_setns, 1, -EPERM);
		netns_socket(other, AF_INET, SOCK_STREAM);
		_exit(0);
	}
	int status;
	CHECK_EQUAL(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	close(other);
}

static const struct check_test tests[] = {
	TEST(a_socket_is_of_the_other_namespace_and_the_thread_of_its_own),
	TEST(a_failure_leaves_nothing_behind),
	TEST(what_is_no_network_namespace_is_refused),
	TEST(who_can_not_come_back_does_not_go_on),
};

CHECK_MAIN(tests)

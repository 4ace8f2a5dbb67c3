/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts for volumes, and paths below them; a system call fails where a test wants it to. */
#include "check.h"
#include "syscalls.h"
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_MAGIC 0x01021994 /* linux/magic.h */
#define HUGETLBFS_MAGIC 0x958458f6

static long failing_number = -1, failing_call, failing_count, failure, opens;

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	opens += number == SYS_openat2;
	if (number == failing_number && failing_call-- <= 0 && failing_count-- > 0)
		return failure;
	long r = syscall(number, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}

static void fail(long number, long call, long count, long result)
{
	failing_number = number;
	failing_call = call;
	failing_count = count;
	failure = result;
	opens = 0;
}

static int same_file(int fd, const char *path)
{
	struct stat x, y;
	return !fstat(fd, &x) && !stat(path, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static long type_of(const char *path)
{
	struct statfs status;
	CHECK(!statfs(path, &status));
	return (long)status.f_type;
}

/* A directory to mount on, in a mount namespace of the test's own. */
static int enter(void)
{
	check_needs_root();
	CHECK(!unshare(CLONE_NEWNS));
	CHECK(!mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
	fail(-1, 0, 0, 0);
	CHECK(!chdir(check_directory()));
	CHECK(!mkdir("a", 0700) && !mkdir("b", 0700));
	int fd = open("a", O_PATH | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void mounting(void)
{
	int fd = enter();
	CHECK_EQUAL(volume_tmpfs(fd, "64k", 1), 0);
	struct statfs status;
	struct stat mode;
	CHECK(!statfs("a", &status) && status.f_type == TMPFS_MAGIC);
	CHECK_EQUAL((long)status.f_blocks * (long)status.f_bsize, 65536);
	CHECK(!stat("a", &mode) && (mode.st_mode & 07777) == 0777);
	CHECK(!mkdir("a/x", 0700));
	int source = open("a/x", O_PATH | O_CLOEXEC), target = open("b", O_PATH | O_CLOEXEC);
	CHECK_EQUAL(volume_bind(source, target), 0);
	CHECK(same_file(source, "b"));
	CHECK_EQUAL(volume_unmount("b"), 0);
	CHECK(!same_file(source, "b"));
	CHECK_EQUAL(volume_unmount("b"), 0);
	CHECK_EQUAL(volume_unmount("absent"), 0);
	/* In use: it goes away all the same. */
	CHECK_EQUAL(volume_unmount("a"), 0);
	CHECK(type_of("a") != TMPFS_MAGIC);
}

static void a_tmpfs_has_its_size_and_what_is_bound_is_the_same(void)
{
	check_in_child(mounting);
}

static void huge_pages(void)
{
	int fd = enter();
	struct statfs status;
	CHECK_EQUAL(volume_hugetlbfs(fd, "2M"), 0);
	CHECK(!statfs("a", &status) && status.f_type == HUGETLBFS_MAGIC && status.f_bsize == 2 << 20);
	CHECK_EQUAL(volume_unmount("a"), 0);
	CHECK_EQUAL(volume_hugetlbfs(fd, ""), 0);
	CHECK_EQUAL(type_of("a"), HUGETLBFS_MAGIC);
	CHECK_EQUAL(volume_unmount("a"), 0);
	CHECK_EQUAL(volume_hugetlbfs(fd, "3M"), -EINVAL);
	CHECK(type_of("a") != HUGETLBFS_MAGIC);
}

static void huge_pages_have_the_size_that_is_asked_for(void)
{
	check_in_child(huge_pages);
}

static void failing(void)
{
	int fd = enter(), descriptors = check_open_descriptors();
	static const long steps[] = { SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_move_mount };
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		fail(steps[i], 0, 1, -ENOMEM);
		CHECK_EQUAL(volume_tmpfs(fd, "64k", 1), -ENOMEM);
		CHECK_EQUAL(check_open_descriptors(), descriptors);
	}
	fail(SYS_move_mount, 0, 1, -EPERM);
	CHECK_EQUAL(volume_bind(fd, fd), -EPERM);
	CHECK_EQUAL(check_open_descriptors(), descriptors);
	CHECK(type_of("a") != TMPFS_MAGIC);
}

static void a_failure_leaves_nothing_mounted_and_nothing_open(void)
{
	check_in_child(failing);
}

static void without_noswap(void)
{
	int fd = enter();
	/* size, mode, then noswap. */
	fail(SYS_fsconfig, 2, 1, -EINVAL);
	CHECK_EQUAL(volume_tmpfs(fd, "64k", 1), 0);
	CHECK_EQUAL(type_of("a"), TMPFS_MAGIC);
	fail(-1, 0, 0, 0);
	CHECK_EQUAL(volume_tmpfs(fd, "much", 1), -EINVAL);
}

static void a_kernel_that_does_not_know_noswap_mounts_without_it(void)
{
	check_in_child(without_noswap);
}

static void nothing_outside_is_opened(void)
{
	fail(-1, 0, 0, 0);
	int root = check_directory_fd();
	CHECK(!mkdirat(root, "in", 0700));
	CHECK(!symlinkat("/", root, "absolute") && !symlinkat("..", root, "up") && !symlinkat("in", root, "inside"));
	CHECK(!symlinkat("/proc/self/root", root, "magic"));
	static const char *const outside[] = { "/", "..", "in/../..", "absolute", "absolute/etc", "up", "up/x", "magic" };
	int descriptors = check_open_descriptors();
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
		CHECK_EQUAL(volume_open(root, outside[i], O_PATH), -EXDEV);
	CHECK_EQUAL(volume_open(root, "absent", O_PATH), -ENOENT);
	CHECK_EQUAL(check_open_descriptors(), descriptors);
	int fd = volume_open(root, "inside/../in", O_PATH);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
}

static void an_open_that_is_given_up_is_tried_again_but_not_for_ever(void)
{
	int root = check_directory_fd();
	fail(SYS_openat2, 0, 5, -EAGAIN);
	int fd = volume_open(root, ".", O_PATH);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQUAL(opens, 6);
	fail(SYS_openat2, 0, 1000000, -EAGAIN);
	CHECK_EQUAL(volume_open(root, ".", O_PATH), -EAGAIN);
	CHECK(opens < 1000);
}

static const struct check_test tests[] = {
	TEST(a_tmpfs_has_its_size_and_what_is_bound_is_the_same),
	TEST(huge_pages_have_the_size_that_is_asked_for),
	TEST(a_failure_leaves_nothing_mounted_and_nothing_open),
	TEST(a_kernel_that_does_not_know_noswap_mounts_without_it),
	TEST(nothing_outside_is_opened),
	TEST(an_open_that_is_given_up_is_tried_again_but_not_for_ever),
};
CHECK_MAIN(tests)

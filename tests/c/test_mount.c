/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts and the root file system, each test in a mount namespace of its own. Slot 0 is the root: a
 * directory of the test, which is the working directory, too.
 */
#include "channel.h"
#include "child_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ROOT 0
#define MOUNT 1
#define NULL_DEVICE 2
#define PROC 3
#define OTHER 4

#define DEVICE(major, minor) ((uint64_t)(major) << 32 | (minor))

static void enter_namespace(void)
{
	CHECK(!unshare(CLONE_NEWNS) && !chdir(check_directory()));
	umask(0);
	new_plan();
	add(PROPAGATION, text("/"), MS_PRIVATE, 1);
	CHECK_EQUAL(run_operations(), 0);
	/* The root is a mount, as the runtime's is. */
	CHECK(!mount("root", ".", "tmpfs", 0, NULL) && !chdir(check_directory()));
	run.slots[ROOT] = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(run.slots[ROOT] >= 0);
}

#define IN_NAMESPACE(name) \
	static void name(void) \
	{ \
		check_needs_root(); \
		check_directory(); \
		check_in_child(name##_there); \
	}

static long magic_of(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) ? -errno : fs.f_type;
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;
	CHECK(!statvfs(path, &fs));
	return fs.f_flag;
}

static mode_t mode_of(const char *path)
{
	struct stat stat;
	CHECK(!lstat(path, &stat));
	return stat.st_mode;
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
}

static uint64_t options(const char *data, size_t size)
{
	return maker_bytes(&maker, data, size);
}

#define OPTIONS(literal) options(literal, sizeof(literal) - 1)

static int new_tmpfs(void)
{
	return run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("=size\0" "64k\0" "=mode\0" "711\0"),
		       MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
}

static void a_file_system_is_made_and_attached_there(void)
{
	struct statvfs fs;
	enter_namespace();
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/a/b"), 0), 0);
	CHECK_EQUAL(magic_of("a/b"), TMPFS_MAGIC);
	CHECK_EQUAL(mode_of("a/b"), S_IFDIR | 0711);
	CHECK(!statvfs("a/b", &fs));
	CHECK_EQUAL(fs.f_blocks * fs.f_frsize, 65536);
	CHECK_EQUAL(fs.f_flag & (ST_NOEXEC | ST_NODEV | ST_NOSUID | ST_RDONLY), ST_NOEXEC | ST_NODEV);
}
IN_NAMESPACE(a_file_system_is_made_and_attached)

static void a_key_may_have_no_value_there(void)
{
	enter_namespace();
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("!ro\0\0"), 0), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/ro"), 0), 0);
	CHECK(mkdir("ro/x", 0755) && errno == EROFS);
}
IN_NAMESPACE(a_key_may_have_no_value)

static void the_kernel_says_what_it_does_not_like_there(void)
{
	int before = (enter_namespace(), check_open_descriptors());
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("=nonsense\0" "1\0"), 0), -EINVAL);
	CHECK(strstr(run.detail, "nonsense"));
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("no-such-type"), OPTIONS(""), 0), -ENODEV);
	CHECK_EQUAL(check_open_descriptors(), before);
}
IN_NAMESPACE(the_kernel_says_what_it_does_not_like)

static void malformed_options_are_refused_there(void)
{
	enter_namespace();
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("=size"), 0), -EINVAL);
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("=size\0"), 0), -EINVAL);
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("=size\0" "1"), 0), -EINVAL);
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("tmpfs"), OPTIONS("\0"), 0), -EINVAL);
}
IN_NAMESPACE(malformed_options_are_refused)

static void attributes_are_changed_there(void)
{
	enter_namespace();
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(MOUNT_ATTRIBUTES, MOUNT, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOEXEC, MS_SHARED, 0), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/m"), 0), 0);
	CHECK_EQUAL(flags_of("m") & (ST_RDONLY | ST_NOEXEC | ST_NODEV), ST_RDONLY | ST_NODEV);
	CHECK_EQUAL(run_one(REMOUNT, ROOT, text("m"), 0, MOUNT_ATTR_RDONLY, 0, 0), 0);
	CHECK_EQUAL(flags_of("m") & ST_RDONLY, 0);
	CHECK_EQUAL(run_one(REMOUNT, ROOT, text("missing"), 0, 0, 0, 0), -ENOENT);
	CHECK_EQUAL(run_one(MOUNT_ATTRIBUTES, OTHER, MOUNT_ATTR_RDONLY, 0, 0, 0), -EBADF);
}
IN_NAMESPACE(attributes_are_changed)

static void a_file_is_bound_over_a_file_that_is_made_there(void)
{
	enter_namespace();
	make_file("source");
	CHECK_EQUAL(run_one(OPEN_TREE, MOUNT, text("source"), 0), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/x/y/target"), 0), 0);
	struct stat source, target;
	CHECK(!stat("source", &source) && !stat("x/y/target", &target));
	CHECK_EQUAL(source.st_ino, target.st_ino);
	CHECK_EQUAL(mode_of("x/y"), S_IFDIR | 0755);
}
IN_NAMESPACE(a_file_is_bound_over_a_file_that_is_made)

static void a_mount_goes_only_over_its_like_there(void)
{
	enter_namespace();
	make_file("file");
	CHECK(!mkdir("directory", 0755));
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("file"), 0), -ENOTDIR);
	CHECK_EQUAL(run_one(OPEN_TREE, MOUNT, text("file"), 0), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("directory"), 0), -EISDIR);
}
IN_NAMESPACE(a_mount_goes_only_over_its_like)

static void a_final_link_is_followed_only_if_allowed_there(void)
{
	enter_namespace();
	CHECK(!mkdir("real", 0755) && !symlink("/real", "link") && !symlink("/missing", "dangling"));
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("link"), PLAN_ATTACH_NO_FOLLOW), -ELOOP);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("dangling"), PLAN_ATTACH_NO_FOLLOW), -ELOOP);
	CHECK(access("missing", F_OK));
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("link"), 0), 0);
	CHECK_EQUAL(mode_of("real"), S_IFDIR | 0711);
}
IN_NAMESPACE(a_final_link_is_followed_only_if_allowed)

static void only_a_procfs_goes_to_proc_there(void)
{
	enter_namespace();
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/proc"), PLAN_ATTACH_PROC_ONLY | PLAN_ATTACH_NO_FOLLOW), -EPERM);
	CHECK_EQUAL(run_one(MOUNT_NEW, PROC, text("proc"), OPTIONS(""), 0), 0);
	CHECK_EQUAL(run_one(ATTACH, PROC, ROOT, text("/proc"), PLAN_ATTACH_PROC_ONLY | PLAN_ATTACH_NO_FOLLOW), 0);
	CHECK_EQUAL(magic_of("proc"), PROC_SUPER_MAGIC);
}
IN_NAMESPACE(only_a_procfs_goes_to_proc)

static void nothing_is_mounted_inside_of_procfs_there(void)
{
	enter_namespace();
	CHECK(!mkdir("proc", 0755) && !mount("proc", "proc", "proc", 0, NULL) && !symlink("proc/sys", "link"));
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/proc/sys"), 0), -EPERM);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/link"), 0), -EPERM);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/proc"), 0), -EPERM);
	CHECK_EQUAL(run_one(MOUNT_LEGACY, ROOT, text("/link"), text("tmpfs"), text("none"), 0, text("")), -EPERM);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/proc/sys"), PLAN_ATTACH_ON_PROC), 0);
}
IN_NAMESPACE(nothing_is_mounted_inside_of_procfs)

static void a_target_is_not_outside_of_the_root_there(void)
{
	enter_namespace();
	CHECK(!mkdir("inner", 0755) && !mkdir("outside", 0755) && !symlink("../outside", "inner/link"));
	run.slots[OTHER] = open("inner", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, OTHER, text("../link/x"), 0), 0);
	CHECK(access("outside/x", F_OK));
	CHECK_EQUAL(mode_of("inner/outside/x"), S_IFDIR | 0711);
}
IN_NAMESPACE(a_target_is_not_outside_of_the_root)

static void a_legacy_mount_reaches_its_target_there(void)
{
	enter_namespace();
	CHECK(!symlink("/real", "link"));
	CHECK_EQUAL(run_one(MOUNT_LEGACY, ROOT, text("link/x"), text("tmpfs"), text("none"), MS_NOEXEC,
			    text("size=64k,mode=700")), 0);
	CHECK_EQUAL(mode_of("real/x"), S_IFDIR | 0700);
	CHECK(flags_of("real/x") & ST_NOEXEC);
	CHECK_EQUAL(run_one(MOUNT_LEGACY, ROOT, text("y"), text("tmpfs"), text("none"), 0, text("nonsense=1")), -EINVAL);
}
IN_NAMESPACE(a_legacy_mount_reaches_its_target)

static void open_null(void)
{
	CHECK_EQUAL(run_one(OPEN_NULL, NULL_DEVICE, text("/dev/null")), 0);
}

static void files_and_directories_are_masked_there(void)
{
	enter_namespace();
	make_file("secret");
	CHECK(!mkdir("one", 0755) && !mkdir("two", 0755));
	make_file("one/secret");
	open_null();
	new_plan();
	add(MASK, ROOT, text("/secret"), NULL_DEVICE);
	add(MASK, ROOT, text("/one"), NULL_DEVICE);
	add(MASK, ROOT, text("/two"), NULL_DEVICE);
	add(MASK, ROOT, text("/missing"), NULL_DEVICE);
	add(MASK, ROOT, text("/secret/missing"), NULL_DEVICE);
	CHECK_EQUAL(run_operations(), 0);
	CHECK(S_ISCHR(mode_of("secret")));
	CHECK(access("one/secret", F_OK) && errno == ENOENT);
	CHECK(mkdir("one/x", 0755) && errno == EROFS);
	CHECK(mkdir("two/x", 0755) && errno == EROFS);
	struct stat one, two;
	CHECK(!stat("one", &one) && !stat("two", &two) && one.st_dev == two.st_dev);
	CHECK(access("missing", F_OK));
}
IN_NAMESPACE(files_and_directories_are_masked)

static void paths_become_read_only_there(void)
{
	enter_namespace();
	CHECK(!mkdir("dir", 0755) && !mkdir("dir/sub", 0755) && !mount("sub", "dir/sub", "tmpfs", 0, NULL));
	make_file("file");
	new_plan();
	add(READONLY, ROOT, text("/dir"));
	add(READONLY, ROOT, text("/file"));
	add(READONLY, ROOT, text("/missing"));
	CHECK_EQUAL(run_operations(), 0);
	CHECK(mkdir("dir/x", 0755) && errno == EROFS);
	CHECK(mkdir("dir/sub/x", 0755) && errno == EROFS);
	CHECK(open("file", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
	make_file("elsewhere");
}
IN_NAMESPACE(paths_become_read_only)

static void directories_nodes_and_links_are_made_there(void)
{
	struct stat stat;
	enter_namespace();
	new_plan();
	add(MKDIR, ROOT, text("/work/dir"), 0700);
	add(MKNOD, ROOT, text("/dev/null"), S_IFCHR | 0620, DEVICE(1, 3), 5, 6);
	add(MKNOD, ROOT, text("/dev/high"), S_IFBLK | 0600, DEVICE(259, 0x12345), 0, 0);
	add(MKNOD, ROOT, text("/dev/fifo"), S_IFIFO | 0600, 0, 0, 0);
	add(SYMLINK, ROOT, text("/dev/fd"), text("/proc/self/fd"));
	CHECK_EQUAL(run_operations(), 0);
	CHECK_EQUAL(mode_of("work/dir"), S_IFDIR | 0700);
	CHECK(!lstat("dev/null", &stat) && stat.st_mode == (S_IFCHR | 0620) && stat.st_rdev == makedev(1, 3));
	CHECK(stat.st_uid == 5 && stat.st_gid == 6);
	CHECK(!lstat("dev/high", &stat) && stat.st_rdev == makedev(259, 0x12345));
	CHECK_EQUAL(mode_of("dev/fifo"), S_IFIFO | 0600);
	CHECK(S_ISLNK(mode_of("dev/fd")));
}
IN_NAMESPACE(directories_nodes_and_links_are_made)

static void nodes_that_are_there_must_be_the_same_there(void)
{
	enter_namespace();
	CHECK(!mknod("null", S_IFCHR | 0600, makedev(1, 3)) && !mknod("fifo", S_IFIFO | 0600, 0));
	CHECK(!symlink("/dev/null", "link"));
	make_file("file");
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("null"), S_IFCHR | 0666, DEVICE(1, 3), 0, 0), 0);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("fifo"), S_IFIFO | 0666, 0, 0, 0), 0);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("null"), S_IFCHR | 0666, DEVICE(1, 5), 0, 0), -EEXIST);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("null"), S_IFBLK | 0666, DEVICE(1, 3), 0, 0), -EEXIST);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("link"), S_IFCHR | 0666, DEVICE(1, 3), 0, 0), -EEXIST);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("file"), S_IFCHR | 0666, DEVICE(1, 3), 0, 0), -EEXIST);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("/"), S_IFCHR | 0666, DEVICE(1, 3), 0, 0), -EINVAL);
	CHECK_EQUAL(run_one(SYMLINK, ROOT, text("file"), text("x")), 0);
	CHECK_EQUAL(mode_of("file"), S_IFREG | 0644);
}
IN_NAMESPACE(nodes_that_are_there_must_be_the_same)

static void the_null_device_is_the_null_device_there(void)
{
	enter_namespace();
	make_file("file");
	CHECK(!symlink("/dev/null", "link"));
	open_null();
	CHECK_EQUAL(run_one(OPEN_NULL, NULL_DEVICE, text("/dev/zero")), -ENODEV);
	CHECK_EQUAL(run_one(OPEN_NULL, NULL_DEVICE, text("file")), -ENODEV);
	CHECK_EQUAL(run_one(OPEN_NULL, NULL_DEVICE, text("link")), -ENODEV);
	CHECK_EQUAL(run_one(OPEN_NULL, NULL_DEVICE, text("missing")), -ENOENT);
}
IN_NAMESPACE(the_null_device_is_the_null_device)

static void files_of_a_procfs_are_written_there(void)
{
	struct utsname name;
	enter_namespace();
	CHECK(!unshare(CLONE_NEWUTS));
	new_plan();
	add(OPEN_PROC, PROC);
	add(PROC_WRITE, PROC, text("sys/kernel/hostname"), OPTIONS("from-proc"));
	CHECK_EQUAL(run_operations(), 0);
	CHECK(!uname(&name));
	CHECK_TEXT(name.nodename, "from-proc");
	CHECK_EQUAL(run_one(PROC_WRITE, PROC, text("sys/no/such"), OPTIONS("1")), -ENOENT);
	CHECK_EQUAL(run_one(PROC_WRITE, PROC, text("../etc/passwd"), OPTIONS("1")), -EXDEV);
	CHECK_EQUAL(run_one(PROC_WRITE, PROC, text("/etc/passwd"), OPTIONS("1")), -EXDEV);
	CHECK_EQUAL(run_one(PROC_WRITE, PROC, text("self/root/etc/passwd"), OPTIONS("1")), -ELOOP);
}
IN_NAMESPACE(files_of_a_procfs_are_written)

static void only_a_procfs_is_written_there(void)
{
	int before = (enter_namespace(), make_file("file"), check_open_descriptors());
	CHECK_EQUAL(run_one(PROC_WRITE, ROOT, text("file"), OPTIONS("1")), -EPERM);
	CHECK_EQUAL(check_open_descriptors(), before);
	struct stat stat;
	CHECK(!lstat("file", &stat) && !stat.st_size);
}
IN_NAMESPACE(only_a_procfs_is_written)

static void the_root_is_attached_and_moved_into_there(void)
{
	enter_namespace();
	CHECK(!mkdir("bundle", 0755) && !mkdir("bundle/etc", 0755));
	make_file("bundle/etc/marker");
	new_plan();
	add(OPEN_TREE, OTHER, text("bundle"), 1);
	add(ROOT_ATTACH, OTHER, text("/"));
	add(PIVOT, OTHER);
	CHECK_EQUAL(run_operations(), 0);
	char cwd[16];
	CHECK(getcwd(cwd, sizeof cwd));
	CHECK_TEXT(cwd, "/");
	CHECK(!access("/etc/marker", F_OK) && access("/bin/sh", F_OK) && access("/../bin/sh", F_OK));
	CHECK_EQUAL(run_one(PIVOT, MOUNT), -EBADF);
}
IN_NAMESPACE(the_root_is_attached_and_moved_into)

static void the_root_is_changed_there(void)
{
	enter_namespace();
	make_file("marker");
	CHECK_EQUAL(run_one(CHROOT, MOUNT), -EBADF);
	CHECK_EQUAL(run_one(CHROOT, ROOT), 0);
	CHECK(!access("/marker", F_OK) && access("/bin/sh", F_OK));
	CHECK_EQUAL(run_one(ROOT_ATTACH, ROOT, text("/missing")), -ENOENT);
}
IN_NAMESPACE(the_root_is_changed)

static void prepare_terminal(int *peer)
{
	int pair[2];
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	run.sync = pair[0];
	*peer = pair[1];
	CHECK_EQUAL(run_one(MOUNT_NEW, MOUNT, text("devpts"), OPTIONS("=ptmxmode\0" "666\0" "=mode\0" "620\0"), 0), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/dev/pts"), 0), 0);
	CHECK_EQUAL(run_one(SETSID), 0);
}

static void a_terminal_of_the_container_there(void)
{
	struct plan_record record;
	struct winsize size;
	int peer, master;
	enter_namespace();
	prepare_terminal(&peer);
	CHECK_EQUAL(run_one(TERMINAL, ROOT, 24, 80, 1), 0);
	CHECK_EQUAL(channel_receive(peer, &record, &master, 1), 1);
	CHECK_EQUAL(record.type, PLAN_TERMINAL);
	CHECK(!ioctl(master, TIOCGWINSZ, &size) && size.ws_row == 24 && size.ws_col == 80);
	struct stat console, stream;
	CHECK(!stat("dev/console", &console) && S_ISCHR(console.st_mode));
	for (int fd = 0; fd < 3; fd++)
		CHECK(isatty(fd) && !fstat(fd, &stream) && stream.st_rdev == console.st_rdev);
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	CHECK(terminal >= 0);
}

/* Its output is the terminal: the end of the process tells. */
static void a_terminal_of_the_container(void)
{
	check_needs_root();
	check_directory();
	check_in_child(a_terminal_of_the_container_there);
}

static void a_feigned_terminal_is_refused_there(void)
{
	enter_namespace();
	CHECK(!mkdir("dev", 0755) && !mkdir("dev/pts", 0755));
	CHECK_EQUAL(run_one(TERMINAL, ROOT, 24, 80, 0), -ENOENT);
	make_file("dev/pts/ptmx");
	CHECK_EQUAL(run_one(TERMINAL, ROOT, 24, 80, 0), -ENODEV);
	CHECK(!unlink("dev/pts/ptmx") && !mknod("dev/pts/ptmx", S_IFCHR | 0666, makedev(1, 3)));
	CHECK_EQUAL(run_one(TERMINAL, ROOT, 24, 80, 0), -ENODEV);
	CHECK(!unlink("dev/pts/ptmx") && !mknod("dev/pts/ptmx", S_IFIFO | 0666, 0));
	CHECK_EQUAL(run_one(TERMINAL, ROOT, 24, 80, 0), -ENODEV);
}
IN_NAMESPACE(a_feigned_terminal_is_refused)

static void write_text(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQUAL(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

static void mounts_are_made_without_root_there(void)
{
	CHECK(!unshare(CLONE_NEWUSER));
	write_text("/proc/self/uid_map", "0 0 1");
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/gid_map", "0 0 1");
	enter_namespace();
	CHECK_EQUAL(new_tmpfs(), 0);
	CHECK_EQUAL(run_one(ATTACH, MOUNT, ROOT, text("/a"), 0), 0);
	CHECK_EQUAL(magic_of("a"), TMPFS_MAGIC);
	CHECK_EQUAL(run_one(MKNOD, ROOT, text("null"), S_IFCHR | 0666, DEVICE(1, 3), 0, 0), -EPERM);
}
IN_NAMESPACE(mounts_are_made_without_root)

static const struct check_test tests[] = {
	TEST(a_file_system_is_made_and_attached),
	TEST(a_key_may_have_no_value),
	TEST(the_kernel_says_what_it_does_not_like),
	TEST(malformed_options_are_refused),
	TEST(attributes_are_changed),
	TEST(a_file_is_bound_over_a_file_that_is_made),
	TEST(a_mount_goes_only_over_its_like),
	TEST(a_final_link_is_followed_only_if_allowed),
	TEST(only_a_procfs_goes_to_proc),
	TEST(nothing_is_mounted_inside_of_procfs),
	TEST(a_target_is_not_outside_of_the_root),
	TEST(a_legacy_mount_reaches_its_target),
	TEST(files_and_directories_are_masked),
	TEST(paths_become_read_only),
	TEST(directories_nodes_and_links_are_made),
	TEST(nodes_that_are_there_must_be_the_same),
	TEST(the_null_device_is_the_null_device),
	TEST(files_of_a_procfs_are_written),
	TEST(only_a_procfs_is_written),
	TEST(the_root_is_attached_and_moved_into),
	TEST(the_root_is_changed),
	TEST(a_terminal_of_the_container),
	TEST(a_feigned_terminal_is_refused),
	TEST(mounts_are_made_without_root),
};
CHECK_MAIN(tests)

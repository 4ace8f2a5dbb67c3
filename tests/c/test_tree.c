/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files: as deep and odd as a container may make them. */
#include "check.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEEP 1100
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static struct tree_place place;
static const struct tree_ids as_they_are;

static int make_directory(int parent, const char *name)
{
	CHECK(!mkdirat(parent, name, 0755));
	int fd = openat(parent, name, DIRECTORY);
	CHECK(fd >= 0);
	return fd;
}

static void make_file(int parent, const char *name, const char *text)
{
	int fd = openat(parent, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const char *text_in(int parent, const char *name)
{
	static char text[64];
	int fd = openat(parent, name, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static struct stat status_of(int parent, const char *name)
{
	struct stat status;
	CHECK(!fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW));
	return status;
}

/* Deeper than a path is long, and than descriptors are many, with a file at the bottom. */
static int make_deep(int parent, const char *name, int depth)
{
	int root = make_directory(parent, name), at = dup(root);
	for (int i = 0; i < depth; i++) {
		int below = make_directory(at, "deeper");
		close(at);
		at = below;
	}
	make_file(at, "bottom", "x");
	close(at);
	return root;
}

static void a_tree_that_no_path_reaches_is_removed(void)
{
	int directory = check_directory_fd(), before = check_open_descriptors();
	close(make_deep(directory, "deep", DEEP));
	CHECK_EQUAL(tree_remove(directory, "deep", &place), 0);
	CHECK(faccessat(directory, "deep", F_OK, 0) < 0 && errno == ENOENT);
	CHECK_EQUAL(check_open_descriptors(), before);
	close(directory);
}

static void what_is_removed_is_not_followed(void)
{
	int directory = check_directory_fd();
	close(make_directory(directory, "outside"));
	make_file(directory, "outside/kept", "x");
	int tree = make_directory(directory, "tree");
	CHECK(!symlinkat("../outside", tree, "link"));
	CHECK(!symlinkat("outside", directory, "also"));
	make_file(tree, "file", "x");
	CHECK(!fchmodat(directory, "tree", 0, 0));
	CHECK_EQUAL(tree_remove(directory, "tree", &place), 0);
	CHECK_EQUAL(tree_remove(directory, "also", &place), 0);
	CHECK_EQUAL(tree_remove(directory, "none", &place), 0);
	CHECK_TEXT(text_in(directory, "outside/kept"), "x");
	CHECK_EQUAL(tree_remove(directory, "outside/kept", &place), 0);
	CHECK_EQUAL(tree_remove(directory, "outside", &place), 0);
	close(tree);
	close(directory);
}

static void a_mount_ends_the_walk_there(void)
{
	check_needs_root();
	CHECK(!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	int directory = check_directory_fd();
	close(make_directory(directory, "tree"));
	close(make_directory(directory, "tree/a"));
	close(make_directory(directory, "tree/a/mounted"));
	CHECK(!fchdir(directory) && !mount("none", "tree/a/mounted", "tmpfs", 0, NULL));
	make_file(directory, "tree/a/mounted/kept", "x");
	CHECK_EQUAL(tree_remove(directory, "tree", &place), -EXDEV);
	CHECK_TEXT(place.path, "a/mounted");
	CHECK_TEXT(text_in(directory, "tree/a/mounted/kept"), "x");
}

static void a_mount_ends_the_walk(void)
{
	check_directory();
	check_in_child(a_mount_ends_the_walk_there);
}

static void what_is_allocated_is_measured_once(void)
{
	struct tree_usage usage;
	int directory = check_directory_fd(), tree = make_deep(directory, "tree", 10);
	CHECK_EQUAL(tree_measure(tree, &usage, &place), 0);
	CHECK_EQUAL(usage.inodes, 12);
	CHECK(usage.bytes > 0 && usage.bytes % 512 == 0);
	uint64_t before = usage.bytes;
	for (int i = 0; i < 600; i++) {
		char name[32];
		snprintf(name, sizeof name, "first%d", i);
		make_file(tree, name, "");
		char other[32];
		snprintf(other, sizeof other, "other%d", i);
		CHECK(!linkat(tree, name, tree, other, 0));
	}
	CHECK_EQUAL(tree_measure(tree, &usage, &place), 0);
	CHECK_EQUAL(usage.inodes, 612);
	int fd = openat(tree, "hole", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(!ftruncate(fd, 1 << 30));
	close(fd);
	CHECK_EQUAL(tree_measure(tree, &usage, &place), 0);
	CHECK(usage.bytes < before + (1 << 20));
	close(tree);
	close(directory);
}

static void make_odd_tree(int tree)
{
	make_file(tree, "file", "data");
	CHECK(!linkat(tree, "file", tree, "same", 0));
	CHECK(!symlinkat("../nowhere", tree, "link"));
	CHECK(!linkat(tree, "link", tree, "samelink", 0));
	CHECK(!mkfifoat(tree, "fifo", 0600));
	close(make_directory(tree, "sub"));
	make_file(tree, "sub/inner", "inner");
	CHECK(!linkat(tree, "file", tree, "sub/third", 0));
	CHECK(!fchmodat(tree, "sub/inner", 04711, 0));
	const struct timespec times[2] = { { 5, 6 }, { 7, 8 } };
	CHECK(!utimensat(tree, "link", times, AT_SYMLINK_NOFOLLOW) && !utimensat(tree, "sub", times, 0));
	int fd = openat(tree, "sparse", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(!ftruncate(fd, 64 << 20) && pwrite(fd, "middle", 6, 32 << 20) == 6);
	CHECK(!fsetxattr(fd, "user.note", "text", 4, 0));
	close(fd);
	CHECK(!fchmod(tree, 01750));
}

static void a_copy_is_like_its_original(void)
{
	int directory = check_directory_fd(), from = make_directory(directory, "from"), to = make_directory(directory, "to");
	char value[16];
	make_odd_tree(from);
	int before = check_open_descriptors();
	CHECK_EQUAL(tree_copy(from, to, &as_they_are, &place), 0);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK_TEXT(text_in(to, "sub/third"), "data");
	CHECK_EQUAL(status_of(to, "file").st_ino, status_of(to, "sub/third").st_ino);
	CHECK_EQUAL(status_of(to, "file").st_nlink, 3);
	CHECK_EQUAL(status_of(to, "link").st_ino, status_of(to, "samelink").st_ino);
	CHECK_EQUAL(status_of(to, "link").st_mtim.tv_nsec, 8);
	CHECK_EQUAL(status_of(to, "sub").st_mtim.tv_sec, 7);
	CHECK_EQUAL(status_of(to, "sub/inner").st_mode, S_IFREG | 04711);
	CHECK_EQUAL(status_of(to, "fifo").st_mode, S_IFIFO | 0600);
	CHECK_EQUAL(status_of(to, ".").st_mode, S_IFDIR | 01750);
	CHECK_EQUAL(status_of(to, "sparse").st_size, 64 << 20);
	CHECK(status_of(to, "sparse").st_blocks < 2048);
	int sparse = openat(to, "sparse", O_RDONLY | O_CLOEXEC);
	CHECK(pread(sparse, value, 6, 32 << 20) == 6 && !memcmp(value, "middle", 6));
	CHECK_EQUAL(fgetxattr(sparse, "user.note", value, sizeof value), 4);
	close(sparse);
	close(from);
	close(to);
	close(directory);
}

static void a_deep_tree_is_copied(void)
{
	struct tree_usage usage;
	int directory = check_directory_fd(), from = make_deep(directory, "from", DEEP), to = make_directory(directory, "to");
	CHECK_EQUAL(tree_copy(from, to, &as_they_are, &place), 0);
	CHECK_EQUAL(tree_measure(to, &usage, &place), 0);
	CHECK_EQUAL(usage.inodes, DEEP + 2);
	close(from);
	close(to);
	/* nftw(3) can't. */
	CHECK_EQUAL(tree_remove(directory, "from", &place), 0);
	CHECK_EQUAL(tree_remove(directory, "to", &place), 0);
	close(directory);
}

static void owners_are_mapped(void)
{
	static const struct tree_range uids[] = { { 0, 1000, 10 }, { 10, 5000, 10 } }, gids[] = { { 0, 2000, 100 } };
	struct tree_ids ids = { uids, gids, 2, 1 };
	/* Version 2, of no user namespace: effective, CAP_CHOWN permitted. */
	static const unsigned char capability[20] = { 1, 0, 0, 2, 1 };
	/* User 12 may read. */
	static const unsigned char acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 12, 0, 0, 0,
					     4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255,
					     32, 0, 4, 0, 255, 255, 255, 255 };
	unsigned char value[64];
	check_needs_root();
	int directory = check_directory_fd(), from = make_directory(directory, "from"), to = make_directory(directory, "to");
	make_file(from, "file", "x");
	CHECK(!fchownat(from, "file", 11, 50, 0));
	int fd = openat(from, "file", O_RDONLY | O_CLOEXEC);
	CHECK(!fsetxattr(fd, "security.capability", capability, sizeof capability, 0));
	CHECK(!fsetxattr(fd, "system.posix_acl_access", acl, sizeof acl, 0));
	close(fd);
	CHECK_EQUAL(tree_copy(from, to, &ids, &place), 0);
	CHECK_EQUAL(status_of(to, "file").st_uid, 5001);
	CHECK_EQUAL(status_of(to, "file").st_gid, 2050);
	CHECK_EQUAL(status_of(to, ".").st_uid, 1000);
	fd = openat(to, "file", O_RDONLY | O_CLOEXEC);
	CHECK_EQUAL(fgetxattr(fd, "security.capability", value, sizeof value), 24);
	/* Version 3, of the namespace whose root is 1000. */
	CHECK(value[3] == 3 && value[4] == 1 && value[20] == (1000 & 255) && value[21] == 1000 >> 8);
	CHECK_EQUAL(fgetxattr(fd, "system.posix_acl_access", value, sizeof value), sizeof acl);
	CHECK(value[16] == (5002 & 255) && value[17] == 5002 >> 8);
	close(fd);
	CHECK(!fchownat(from, "file", 20, 0, 0));
	int other = make_directory(directory, "other");
	CHECK_EQUAL(tree_copy(from, other, &ids, &place), -EOVERFLOW);
	CHECK_TEXT(place.path, "file");
	close(other);
	close(from);
	close(to);
	close(directory);
}

static void attributes_of_overlays_stay_behind(void)
{
	char value[16];
	check_needs_root();
	int directory = check_directory_fd(), from = make_directory(directory, "from"), to = make_directory(directory, "to");
	make_file(from, "file", "x");
	CHECK(!fsetxattr(from, "trusted.overlay.opaque", "y", 1, 0) && !fsetxattr(from, "trusted.other", "z", 1, 0));
	CHECK(!mknodat(from, "device", S_IFCHR | 0600, makedev(1, 3)));
	CHECK_EQUAL(tree_copy(from, to, &as_they_are, &place), 0);
	CHECK(fgetxattr(to, "trusted.overlay.opaque", value, sizeof value) < 0 && errno == ENODATA);
	CHECK_EQUAL(fgetxattr(to, "trusted.other", value, sizeof value), 1);
	CHECK_EQUAL(status_of(to, "device").st_rdev, makedev(1, 3));
	close(from);
	close(to);
	close(directory);
}

static void a_place_that_is_taken_is_an_error(void)
{
	int directory = check_directory_fd(), from = make_directory(directory, "from"), to = make_directory(directory, "to");
	close(make_directory(from, "sub"));
	make_file(from, "sub/file", "x");
	close(make_directory(to, "sub"));
	CHECK_EQUAL(tree_copy(from, to, &as_they_are, &place), -EEXIST);
	CHECK_TEXT(place.path, "sub");
	close(from);
	close(to);
	close(directory);
}

static const struct check_test tests[] = {
	TEST(a_tree_that_no_path_reaches_is_removed),
	TEST(what_is_removed_is_not_followed),
	TEST(a_mount_ends_the_walk),
	TEST(what_is_allocated_is_measured_once),
	TEST(a_copy_is_like_its_original),
	TEST(a_deep_tree_is_copied),
	TEST(owners_are_mapped),
	TEST(attributes_of_overlays_stay_behind),
	TEST(a_place_that_is_taken_is_an_error),
};

CHECK_MAIN(tests)

/* SPDX-License-Identifier: Apache-2.0 */
/* Overlay mounts by descriptor, in both ways that they are made. */
#include "check.h"
#include "overlay.h"
#include "users.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef int mount_way(const struct overlay *overlay, char *detail, size_t room);

static int the_private_way(const struct overlay *overlay, char *detail, size_t room)
{
	(void)detail;
	(void)room;
	return overlay_mount_private(overlay);
}

static mount_way *const ways[] = { overlay_mount, the_private_way };
#define WAYS 2

static char detail[PLAN_DETAIL];
static char *lower[OVERLAY_MOST + 2];

/* Good for one test. */
static char *path_of(const char *name)
{
	static char paths[2048][256];
	static unsigned next;
	char *path = paths[next++ % 2048];
	snprintf(path, sizeof paths[0], "%s/%s", check_directory(), name);
	return path;
}

static void make_file(const char *name, const char *text)
{
	int fd = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void make_directory(const char *name)
{
	CHECK(!mkdir(path_of(name), 0755));
}

/* Others mount and unmount meanwhile, and mounts are counted here: it is done in a mount namespace of our own. */
static void needs_own_mounts(void)
{
	static int has_own;
	check_needs_root();
	if (has_own)
		return;
	CHECK(!unshare(CLONE_NEWNS));
	CHECK(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	has_own = 1;
}

/* Two directories, the upper one first; a and b have a file each, and both have `both`. */
static void make_two(void)
{
	needs_own_mounts();
	make_directory("a");
	make_directory("b");
	make_file("a/a", "a");
	make_file("b/b", "b");
	make_file("a/both", "of a");
	make_file("b/both", "of b");
	lower[0] = path_of("a");
	lower[1] = path_of("b");
	lower[2] = NULL;
	detail[0] = 0;
}

static struct overlay read_only(void)
{
	return (struct overlay){ .lower = lower, .upper = "", .work = "", .users = -1 };
}

static struct overlay writable(void)
{
	struct overlay overlay = read_only();
	static const char options[] = "!volatile\0\0=redirect_dir\0nofollow\0=metacopy\0off";
	make_directory("upper");
	make_directory("work");
	overlay.upper = path_of("upper");
	overlay.work = path_of("work");
	overlay.options = (struct plan_bytes){ options, sizeof options };
	return overlay;
}

static const char *text_in(int tree, const char *name)
{
	static char text[64];
	int fd = openat(tree, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "";
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static int mounts(void)
{
	static char text[65536];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), lines = 0;
	CHECK(fd >= 0);
	ssize_t n, size = 0;
	while ((n = read(fd, text + size, sizeof text - (size_t)size)) > 0)
		size += n;
	close(fd);
	for (ssize_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	return lines;
}

static int make(mount_way *way, const struct overlay *overlay)
{
	int descriptors = check_open_descriptors(), before = mounts();
	int tree = way(overlay, detail, sizeof detail);
	if (tree < 0)
		check_fail(__FILE__, __LINE__, "overlay: %s %s", strerror(-tree), detail);
	CHECK_EQUAL(check_open_descriptors(), descriptors + 1);
	CHECK_EQUAL(mounts(), before);
	CHECK(fcntl(tree, F_GETFD) & FD_CLOEXEC);
	return tree;
}

static void the_upper_directory_hides_the_lower(void)
{
	make_two();
	for (int i = 0; i < WAYS; i++) {
		struct overlay overlay = read_only();
		int tree = make(ways[i], &overlay);
		CHECK_TEXT(text_in(tree, "a"), "a");
		CHECK_TEXT(text_in(tree, "b"), "b");
		CHECK_TEXT(text_in(tree, "both"), "of a");
		CHECK(openat(tree, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644) < 0 && errno == EROFS);
		close(tree);
	}
}

static void what_is_written_goes_up(mount_way *way)
{
	make_two();
	struct overlay overlay = writable();
	int tree = make(way, &overlay);
	int fd = openat(tree, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
	CHECK(!unlinkat(tree, "b", 0));
	close(tree);
	struct stat found;
	CHECK(!stat(path_of("upper/new"), &found));
	CHECK(!lstat(path_of("upper/b"), &found) && S_ISCHR(found.st_mode) && !found.st_rdev);
}

static void what_is_written_goes_into_the_upper_directory(void)
{
	what_is_written_goes_up(ways[0]);
}

static void what_is_written_goes_into_the_upper_directory_privately(void)
{
	what_is_written_goes_up(ways[1]);
}

static void one_directory_is_mounted_read_only(void)
{
	make_two();
	lower[1] = NULL;
	struct overlay overlay = read_only();
	int tree = make(overlay_mount, &overlay);
	struct statvfs fs;
	CHECK(!fstatvfs(tree, &fs) && fs.f_flag & ST_RDONLY);
	CHECK_TEXT(text_in(tree, "a"), "a");
	CHECK_TEXT(text_in(tree, "b"), "");
	close(tree);
}

static struct plan_bytes map(const char *text)
{
	return (struct plan_bytes){ text, (uint32_t)strlen(text) };
}

static void files_have_the_ids_of_the_user_namespace(void)
{
	make_two();
	int descriptors = check_open_descriptors();
	int users = users_open(map("0 100000 65536\n"), map("0 200000 65536\n"));
	CHECK(users >= 0);
	CHECK_EQUAL(check_open_descriptors(), descriptors + 1);
	for (int directories = 2; directories; directories--) {
		lower[directories] = NULL;
		for (int i = 0; i < (directories == 1 ? 1 : WAYS); i++) {
			struct overlay overlay = read_only();
			overlay.users = users;
			int tree = make(ways[i], &overlay);
			struct stat found;
			CHECK(!fstatat(tree, "a", &found, 0));
			CHECK_EQUAL(found.st_uid, 100000);
			CHECK_EQUAL(found.st_gid, 200000);
			close(tree);
		}
	}
	close(users);
}

static void maps_that_are_none_are_refused(void)
{
	check_needs_root();
	int descriptors = check_open_descriptors();
	CHECK_EQUAL(users_open(map("0 100000\n"), map("0 0 1\n")), -EINVAL);
	CHECK_EQUAL(users_open(map("0 0 1\n"), map("")), -EINVAL);
	CHECK_EQUAL(check_open_descriptors(), descriptors);
}

static void as_many_directories_as_the_kernel_takes(void)
{
	needs_own_mounts();
	char name[16], file[32];
	for (int i = 0; i < OVERLAY_MOST; i++) {
		snprintf(name, sizeof name, "%d", i);
		make_directory(name);
		snprintf(file, sizeof file, "%d/%d", i, i);
		make_file(file, name);
		lower[i] = path_of(name);
	}
	lower[OVERLAY_MOST] = NULL;
	for (int i = 0; i < WAYS; i++) {
		struct overlay overlay = read_only();
		int tree = make(ways[i], &overlay);
		CHECK_TEXT(text_in(tree, "0"), "0");
		CHECK_TEXT(text_in(tree, "499"), "499");
		close(tree);
	}
	lower[OVERLAY_MOST] = lower[0];
	lower[OVERLAY_MOST + 1] = NULL;
	struct overlay overlay = read_only();
	CHECK_EQUAL(overlay_mount(&overlay, detail, sizeof detail), -E2BIG);
}

static void a_failure_leaves_nothing_and_is_told(void)
{
	make_two();
	struct overlay overlay = writable();
	int descriptors = check_open_descriptors();
	const char *upper = overlay.upper;
	overlay.upper = path_of("none");
	CHECK_EQUAL(overlay_mount(&overlay, detail, sizeof detail), -ENOENT);
	overlay.upper = upper;
	overlay.options = (struct plan_bytes){ "!nonsense\0", 11 };
	CHECK_EQUAL(overlay_mount(&overlay, detail, sizeof detail), -EINVAL);
	/* A kernel without layers by descriptor can't say more. */
	CHECK(!*detail || strstr(detail, "nonsense"));
	overlay.options = (struct plan_bytes){ "!volatile", 9 };
	CHECK_EQUAL(overlay_mount(&overlay, detail, sizeof detail), -EINVAL);
	lower[0] = NULL;
	CHECK_EQUAL(overlay_mount(&overlay, detail, sizeof detail), -EINVAL);
	CHECK_EQUAL(check_open_descriptors(), descriptors);
}

static void a_layer_is_no_symbolic_link(void)
{
	make_two();
	char *link = path_of("link");
	CHECK(!symlink("a", link));
	lower[0] = link;
	for (int i = 0; i < WAYS; i++) {
		struct overlay overlay = read_only();
		CHECK_EQUAL(ways[i](&overlay, detail, sizeof detail), -ENOTDIR);
	}
}

typedef int subtree_way(int tree, const char *path);

static void a_part_of_a_tree_is_a_tree(void)
{
	static subtree_way *const parts[] = { overlay_subtree, overlay_subtree_private };
	make_two();
	make_directory("b/deep");
	make_file("b/deep/file", "deep");
	char *escape = path_of("b/escape"), *inside = path_of("b/inside");
	CHECK(!symlink("../../../../..", escape) && !symlink("/deep", inside));
	for (int i = 0; i < 2; i++) {
		static const char *const names[] = { "deep", "/deep", "inside", "../../deep", "escape/deep" };
		for (int n = 0; n < 5; n++) {
			struct overlay overlay = read_only();
			int tree = make(overlay_mount, &overlay), part = parts[i](tree, names[n]);
			close(tree);
			CHECK(part >= 0);
			CHECK_TEXT(text_in(part, "file"), "deep");
			CHECK_TEXT(text_in(part, "../b"), "");
			close(part);
		}
		struct overlay overlay = read_only();
		int tree = make(overlay_mount, &overlay), descriptors = check_open_descriptors();
		CHECK_EQUAL(parts[i](tree, "missing"), -ENOENT);
		CHECK_EQUAL(check_open_descriptors(), descriptors);
		close(tree);
	}
}

static const struct check_test tests[] = {
	TEST(the_upper_directory_hides_the_lower),
	TEST(what_is_written_goes_into_the_upper_directory),
	TEST(what_is_written_goes_into_the_upper_directory_privately),
	TEST(one_directory_is_mounted_read_only),
	TEST(files_have_the_ids_of_the_user_namespace),
	TEST(maps_that_are_none_are_refused),
	TEST(as_many_directories_as_the_kernel_takes),
	TEST(a_failure_leaves_nothing_and_is_told),
	TEST(a_layer_is_no_symbolic_link),
	TEST(a_part_of_a_tree_is_a_tree),
};

CHECK_MAIN(tests)

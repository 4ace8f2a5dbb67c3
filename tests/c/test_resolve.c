/* SPDX-License-Identifier: Apache-2.0 */
/* Each test has a root in its directory, beside "outside", where nothing may ever be opened or made. */
#include "check.h"
#include "resolve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int top = -1, root = -1;

static void make_root(void)
{
	if (top >= 0) {
		close(top);
		close(root);
	}
	umask(0);
	top = check_directory_fd();
	CHECK(!mkdirat(top, "root", 0755) && !mkdirat(top, "outside", 0755));
	CHECK(!mknodat(top, "outside/secret", S_IFREG | 0644, 0));
	root = openat(top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(root >= 0);
}

static void directory(const char *path)
{
	CHECK(!mkdirat(root, path, 0755));
}

static void file(const char *path)
{
	int fd = openat(root, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
}

static void symlink_to(const char *target, const char *path)
{
	CHECK(!symlinkat(target, root, path));
}

/* The path below the test's directory that a descriptor stands for. */
static const char *place(int fd)
{
	static char path[PATH_MAX];
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof path - 1);
	CHECK(n > 0);
	path[n] = 0;
	CHECK(!strncmp(path, check_directory(), strlen(check_directory())));
	return path + strlen(check_directory());
}

static void nothing_is_outside(void)
{
	int count = 0, fd = openat(top, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fdopendir(fd);
	while (readdir(entries))
		count++;
	closedir(entries);
	CHECK_EQUAL(count, 3);
}

/* Resolves and expects a place below the root, or an error. */
static void expect(const char *path, enum resolve_make make, const char *wanted)
{
	int before = check_open_descriptors();
	int fd = resolve(root, path, make, make == RESOLVE_MAKE_FILE ? 0640 : 0750);
	if (fd < 0)
		check_fail(__FILE__, __LINE__, "%s: %s", path, strerror(-fd));
	CHECK_TEXT(place(fd), wanted);
	CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_PATH);
	close(fd);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_outside();
}

static void refuse(const char *path, enum resolve_make make, int error)
{
	int before = check_open_descriptors();
	CHECK_EQUAL(resolve(root, path, make, 0755), error);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_outside();
}

static mode_t mode_of(const char *path)
{
	struct stat stat;
	CHECK(!fstatat(root, path, &stat, AT_SYMLINK_NOFOLLOW));
	return stat.st_mode;
}

static void what_exists_is_found(void)
{
	make_root();
	directory("a");
	file("a/b");
	expect("a", RESOLVE_EXISTING, "/root/a");
	expect("/a/b", RESOLVE_EXISTING, "/root/a/b");
	expect("//a///b", RESOLVE_EXISTING, "/root/a/b");
	expect("a/./b", RESOLVE_EXISTING, "/root/a/b");
	refuse("c", RESOLVE_EXISTING, -ENOENT);
	refuse("a/b/c", RESOLVE_EXISTING, -ENOTDIR);
}

static void the_root_itself_is_found(void)
{
	static const char *const paths[] = { "", "/", ".", "//", "/.", "..", "/..", "../..", "/../../" };
	make_root();
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		expect(paths[i], RESOLVE_EXISTING, "/root");
		expect(paths[i], RESOLVE_MAKE_DIRECTORY, "/root");
		expect(paths[i], RESOLVE_MAKE_FILE, "/root");
	}
}

static void dots_stay_in_the_root(void)
{
	make_root();
	directory("a");
	expect("../a", RESOLVE_EXISTING, "/root/a");
	expect("a/../../../a", RESOLVE_EXISTING, "/root/a");
	refuse("../outside", RESOLVE_EXISTING, -ENOENT);
	expect("../outside/x", RESOLVE_MAKE_DIRECTORY, "/root/outside/x");
	expect("a/../../../outside/y", RESOLVE_MAKE_FILE, "/root/outside/y");
}

static void links_stay_in_the_root(void)
{
	make_root();
	directory("etc");
	file("etc/passwd");
	symlink_to("/etc", "absolute");
	symlink_to("../../../../etc", "relative");
	symlink_to("/etc/passwd", "final");
	expect("absolute/passwd", RESOLVE_EXISTING, "/root/etc/passwd");
	expect("relative/passwd", RESOLVE_EXISTING, "/root/etc/passwd");
	expect("final", RESOLVE_EXISTING, "/root/etc/passwd");
	expect("absolute/new", RESOLVE_MAKE_FILE, "/root/etc/new");
	expect("relative/new2/x", RESOLVE_MAKE_DIRECTORY, "/root/etc/new2/x");
}

static void links_to_the_outside_stay_in_the_root(void)
{
	char target[PATH_MAX];
	make_root();
	snprintf(target, sizeof target, "%s/outside", check_directory());
	symlink_to(target, "absolute");
	symlink_to("../outside", "relative");
	refuse("absolute/x", RESOLVE_EXISTING, -ENOENT);
	refuse("relative", RESOLVE_EXISTING, -ENOENT);
	expect("relative/x", RESOLVE_MAKE_FILE, "/root/outside/x");
	char wanted[PATH_MAX + 16];
	snprintf(wanted, sizeof wanted, "/root%s/x", target);
	expect("absolute/x", RESOLVE_MAKE_DIRECTORY, wanted);
}

static void missing_parents_are_made(void)
{
	make_root();
	expect("a/b/c", RESOLVE_MAKE_DIRECTORY, "/root/a/b/c");
	CHECK_EQUAL(mode_of("a/b"), S_IFDIR | 0755);
	CHECK_EQUAL(mode_of("a/b/c"), S_IFDIR | 0750);
	expect("a/b/d/e/", RESOLVE_MAKE_DIRECTORY, "/root/a/b/d/e");
	expect("/x/./y//z", RESOLVE_MAKE_DIRECTORY, "/root/x/y/z");
}

static void files_are_made(void)
{
	make_root();
	expect("a/b/file", RESOLVE_MAKE_FILE, "/root/a/b/file");
	CHECK_EQUAL(mode_of("a/b/file"), S_IFREG | 0640);
	expect("a/b/file", RESOLVE_MAKE_FILE, "/root/a/b/file");
}

static void what_is_there_stays_as_it_is(void)
{
	make_root();
	file("file");
	expect("file", RESOLVE_MAKE_FILE, "/root/file");
	CHECK_EQUAL(mode_of("file"), S_IFREG | 0644);
	expect("file", RESOLVE_MAKE_DIRECTORY, "/root/file");
	refuse("file/x", RESOLVE_MAKE_FILE, -ENOTDIR);
	refuse("file/x/y", RESOLVE_MAKE_DIRECTORY, -ENOTDIR);
}

static void what_a_dangling_link_names_is_made_in_the_root(void)
{
	make_root();
	symlink_to("/run/missing", "absolute");
	symlink_to("../../sub/missing", "relative");
	symlink_to("/var/lib/file", "to-file");
	expect("absolute", RESOLVE_MAKE_DIRECTORY, "/root/run/missing");
	expect("relative/x", RESOLVE_MAKE_DIRECTORY, "/root/sub/missing/x");
	expect("to-file", RESOLVE_MAKE_FILE, "/root/var/lib/file");
	CHECK_EQUAL(mode_of("var/lib/file"), S_IFREG | 0640);
}

static void a_dangling_link_in_a_directory_is_relative_to_it(void)
{
	make_root();
	directory("a");
	directory("a/b");
	symlink_to("../c", "a/b/link");
	expect("a/b/link/x/y", RESOLVE_MAKE_FILE, "/root/a/c/x/y");
}

static void dangling_links_may_follow_each_other(void)
{
	make_root();
	char from[32], to[32];
	for (int i = 0; i < 15; i++) {
		snprintf(from, sizeof from, "l%d", i);
		snprintf(to, sizeof to, "/l%d", i + 1);
		symlink_to(to, from);
	}
	expect("l0/x", RESOLVE_MAKE_DIRECTORY, "/root/l15/x");
}

/* As many as the kernel follows, each on a component of its own. */
static void forty_dangling_links_are_followed(void)
{
	char path[512] = "", name[32];
	make_root();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "%sl%d", i ? "../" : "", i);
		strcat(path, i ? "/" : "");
		strcat(path, name);
		snprintf(name, sizeof name, "t%d", i);
		symlink_to(name, strrchr(path, 'l'));
	}
	expect(path, RESOLVE_MAKE_DIRECTORY, "/root/t39");
}

static void links_in_a_circle_are_eloop(void)
{
	make_root();
	symlink_to("b", "a");
	symlink_to("a", "b");
	symlink_to("self/x", "self");
	refuse("a", RESOLVE_EXISTING, -ELOOP);
	refuse("a", RESOLVE_MAKE_DIRECTORY, -ELOOP);
	refuse("a/x", RESOLVE_MAKE_FILE, -ELOOP);
	refuse("self", RESOLVE_MAKE_DIRECTORY, -ELOOP);
}

/* A link that grows with each step: every round makes a directory and dangles again. */
static void a_link_that_grows_ends(void)
{
	make_root();
	symlink_to("missing/../grow/x", "grow");
	int before = check_open_descriptors();
	CHECK(resolve(root, "grow", RESOLVE_MAKE_DIRECTORY, 0755) < 0);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_outside();
}

static void names_of_255_bytes_are_made(void)
{
	char name[300], wanted[320];
	make_root();
	memset(name, 'n', 255);
	name[255] = 0;
	snprintf(wanted, sizeof wanted, "/root/%s", name);
	expect(name, RESOLVE_MAKE_DIRECTORY, wanted);
	name[0] = 'm';
	wanted[6] = 'm';
	expect(name, RESOLVE_MAKE_FILE, wanted);
}

static void names_that_are_too_long_are_refused(void)
{
	char name[300];
	make_root();
	memset(name, 'n', 256);
	name[256] = 0;
	refuse(name, RESOLVE_MAKE_DIRECTORY, -ENAMETOOLONG);
	strcpy(name + 256, "/x");
	refuse(name, RESOLVE_MAKE_FILE, -ENAMETOOLONG);
}

static void paths_that_are_too_long_are_refused(void)
{
	static char path[8192];
	make_root();
	for (size_t i = 0; i + 2 < sizeof path; i += 2)
		memcpy(path + i, "a/", 2);
	refuse(path, RESOLVE_EXISTING, -ENAMETOOLONG);
	refuse(path, RESOLVE_MAKE_DIRECTORY, -ENAMETOOLONG);
	path[4098] = 0;
	refuse(path, RESOLVE_MAKE_DIRECTORY, -ENAMETOOLONG);
}

static void a_link_that_makes_the_path_too_long_is_refused(void)
{
	static char target[4000], path[4000];
	make_root();
	for (size_t i = 0; i + 2 < sizeof target; i += 2)
		memcpy(target + i, "b/", 2);
	for (size_t i = 0; i + 2 < 300; i += 2)
		memcpy(path + i, "c/", 2);
	symlink_to(target, "link");
	char joined[4400];
	snprintf(joined, sizeof joined, "link/%s", path);
	refuse(joined, RESOLVE_MAKE_DIRECTORY, -ENAMETOOLONG);
}

static void magic_links_are_refused(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(proc >= 0);
	CHECK_EQUAL(resolve(proc, "self/root/etc", RESOLVE_EXISTING, 0), -ELOOP);
	CHECK_EQUAL(resolve(proc, "self/cwd", RESOLVE_MAKE_DIRECTORY, 0755), -ELOOP);
	CHECK_EQUAL(resolve_open(proc, "self/exe", O_RDONLY), -ELOOP);
	close(proc);
}

static void no_follow_refuses_a_final_link(void)
{
	make_root();
	directory("dir");
	file("dir/file");
	symlink_to("dir", "link");
	symlink_to("nowhere", "dangling");
	int fd = resolve_no_follow(root, "link/file");
	CHECK_TEXT(place(fd), "/root/dir/file");
	close(fd);
	fd = resolve_no_follow(root, "link");
	CHECK_TEXT(place(fd), "/root/link");
	struct stat stat;
	CHECK(!fstatat(fd, "", &stat, AT_EMPTY_PATH));
	CHECK(S_ISLNK(stat.st_mode));
	close(fd);
	fd = resolve_no_follow(root, "dangling");
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQUAL(resolve_no_follow(root, "missing"), -ENOENT);
}

static void open_opens_for_what_was_asked(void)
{
	make_root();
	file("file");
	symlink_to("/file", "link");
	int fd = resolve_open(root, "link", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQUAL(write(fd, "x", 1), 1);
	CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	CHECK_EQUAL(resolve_open(root, "missing", O_RDONLY), -ENOENT);
	CHECK_EQUAL(resolve_open(root, "../outside", O_RDONLY), -ENOENT);
}

static void expect_parent(const char *path, const char *wanted, const char *name)
{
	const char *base;
	int fd = resolve_parent(root, path, &base);
	CHECK(fd >= 0);
	CHECK_TEXT(place(fd), wanted);
	CHECK_TEXT(base, name);
	close(fd);
	nothing_is_outside();
}

static void the_parent_is_made(void)
{
	make_root();
	symlink_to("/real/../..", "link");
	expect_parent("name", "/root", "name");
	expect_parent("/name", "/root", "name");
	expect_parent("/dev/snd/name", "/root/dev/snd", "name");
	expect_parent("../outside/name", "/root/outside", "name");
	expect_parent("link/a/name", "/root/a", "name");
}

static void a_path_without_a_name_has_no_parent(void)
{
	static const char *const paths[] = { "", "/", ".", "..", "a/", "a/.", "a/..", "/.." };
	const char *base;
	make_root();
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		CHECK_EQUAL(resolve_parent(root, paths[i], &base), -EINVAL);
	static char path[5000];
	memset(path, '/', sizeof path - 2);
	path[sizeof path - 2] = 'x';
	CHECK_EQUAL(resolve_parent(root, path, &base), -ENAMETOOLONG);
}

static void an_empty_slot_is_no_root(void)
{
	CHECK_EQUAL(resolve(-1, "/", RESOLVE_EXISTING, 0), -EBADF);
	CHECK_EQUAL(resolve(-1, "/a/b", RESOLVE_MAKE_DIRECTORY, 0755), -EBADF);
	CHECK_EQUAL(resolve_open(-1, "/etc/passwd", O_RDONLY), -EBADF);
}

#define RACES 300

static atomic_int racing;
static atomic_long swaps;

/* A container that shares the root: it swaps a directory for a link to the outside, and back. */
static void *attack(void *unused)
{
	(void)unused;
	for (; racing; swaps++)
		renameat2(root, "shared", root, "evil", RENAME_EXCHANGE);
	return NULL;
}

static void remove_made(void)
{
	static const char *const places[] = { "shared", "evil", "outside" };
	char path[64];
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/made/sub", places[i]);
		unlinkat(root, path, AT_REMOVEDIR);
		snprintf(path, sizeof path, "%s/made", places[i]);
		unlinkat(root, path, AT_REMOVEDIR);
	}
}

static void race_once(void)
{
	int fd = resolve(root, "shared/made/sub", RESOLVE_MAKE_DIRECTORY, 0755);
	if (fd >= 0) {
		CHECK(!strncmp(place(fd), "/root/", 6));
		close(fd);
	}
	fd = resolve(root, "shared/secret", RESOLVE_EXISTING, 0);
	CHECK(fd < 0 || !strncmp(place(fd), "/root/", 6));
	if (fd >= 0)
		close(fd);
	remove_made();
}

static void race_against(const char *target)
{
	pthread_t attacker;
	make_root();
	directory("shared");
	symlink_to(target, "evil");
	int before = check_open_descriptors();
	racing = 1;
	swaps = 0;
	CHECK(!pthread_create(&attacker, NULL, attack, NULL));
	/* A scheduler that runs one thread at a time makes no race: it goes on until there were some. */
	for (int i = 0; i < RACES || swaps < RACES; i++)
		race_once();
	racing = 0;
	pthread_join(attacker, NULL);
	CHECK_EQUAL(check_open_descriptors(), before);
	nothing_is_outside();
}

static void a_race_with_a_relative_link_stays_in_the_root(void)
{
	race_against("../outside");
}

static void a_race_with_an_absolute_link_stays_in_the_root(void)
{
	char target[PATH_MAX];
	snprintf(target, sizeof target, "%s/outside", check_directory());
	race_against(target);
}

/* ".." makes the kernel give up whenever anything is renamed anywhere. */
static void expect_made_or_refused(void)
{
	int fd = resolve(root, "a/../a/../a/b/../b/made/../made/sub", RESOLVE_MAKE_DIRECTORY, 0755);
	if (fd >= 0) {
		CHECK_TEXT(place(fd), "/root/a/b/made/sub");
		close(fd);
	}
	CHECK(faccessat(root, "sub", F_OK, 0) && faccessat(root, "made", F_OK, 0) && faccessat(root, "b", F_OK, 0));
	unlinkat(root, "a/b/made/sub", AT_REMOVEDIR);
	unlinkat(root, "a/b/made", AT_REMOVEDIR);
	unlinkat(root, "a/b", AT_REMOVEDIR);
}

static void a_race_with_dots_makes_nothing_elsewhere(void)
{
	pthread_t attacker;
	make_root();
	directory("a");
	directory("shared");
	directory("evil");
	racing = 1;
	CHECK(!pthread_create(&attacker, NULL, attack, NULL));
	for (int i = 0; i < RACES; i++)
		expect_made_or_refused();
	racing = 0;
	pthread_join(attacker, NULL);
	nothing_is_outside();
}

static const struct check_test tests[] = {
	TEST(what_exists_is_found),
	TEST(the_root_itself_is_found),
	TEST(dots_stay_in_the_root),
	TEST(links_stay_in_the_root),
	TEST(links_to_the_outside_stay_in_the_root),
	TEST(missing_parents_are_made),
	TEST(files_are_made),
	TEST(what_is_there_stays_as_it_is),
	TEST(what_a_dangling_link_names_is_made_in_the_root),
	TEST(a_dangling_link_in_a_directory_is_relative_to_it),
	TEST(dangling_links_may_follow_each_other),
	TEST(forty_dangling_links_are_followed),
	TEST(links_in_a_circle_are_eloop),
	TEST(a_link_that_grows_ends),
	TEST(names_of_255_bytes_are_made),
	TEST(names_that_are_too_long_are_refused),
	TEST(paths_that_are_too_long_are_refused),
	TEST(a_link_that_makes_the_path_too_long_is_refused),
	TEST(magic_links_are_refused),
	TEST(no_follow_refuses_a_final_link),
	TEST(open_opens_for_what_was_asked),
	TEST(the_parent_is_made),
	TEST(a_path_without_a_name_has_no_parent),
	TEST(an_empty_slot_is_no_root),
	TEST(a_race_with_a_relative_link_stays_in_the_root),
	TEST(a_race_with_an_absolute_link_stays_in_the_root),
	TEST(a_race_with_dots_makes_nothing_elsewhere),
};
CHECK_MAIN(tests)

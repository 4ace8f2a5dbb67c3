/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may do and where it stands, each in a process of its own. */
#include "child_check.h"
#include "scheduling.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define IN_CHILD(name) \
	static void name(void) \
	{ \
		check_directory(); \
		check_in_child(name##_there); \
	}

#define AS_ROOT(name) \
	static void name(void) \
	{ \
		check_needs_root(); \
		check_directory(); \
		check_in_child(name##_there); \
	}

/* A line of /proc/self/status, as a hexadecimal number. */
static unsigned long long status_of(const char *key)
{
	char line[256];
	FILE *file = fopen("/proc/thread-self/status", "re");
	CHECK(file);
	while (fgets(line, sizeof line, file)) {
		unsigned long long value;
		char name[64];
		if (sscanf(line, "%63[^:]: %llx", name, &value) == 2 && !strcmp(name, key)) {
			fclose(file);
			return value;
		}
	}
	check_fail(__FILE__, __LINE__, "no %s", key);
}

static void the_umask_is_set_there(void)
{
	CHECK_EQUAL(run_one(UMASK, 027), 0);
	CHECK_EQUAL(umask(0), 027);
}
IN_CHILD(the_umask_is_set)

static void user_and_groups_are_set_there(void)
{
	const uint32_t groups[] = { 10, 20, 4000000000 };
	gid_t got[8], gid[3];
	uid_t uid[3];
	new_plan();
	add(SETGROUPS, maker_bytes(&maker, groups, sizeof groups));
	add(SETGID, 77);
	add(SETUID, 88);
	CHECK_EQUAL(run_operations(), 0);
	CHECK_EQUAL(getgroups(8, got), 3);
	CHECK(got[0] == 10 && got[1] == 20 && got[2] == 4000000000);
	CHECK(!getresgid(&gid[0], &gid[1], &gid[2]) && !getresuid(&uid[0], &uid[1], &uid[2]));
	for (int i = 0; i < 3; i++) {
		CHECK_EQUAL(gid[i], 77);
		CHECK_EQUAL(uid[i], 88);
	}
	CHECK_EQUAL(run_one(SETUID, 0), -EPERM);
	CHECK_EQUAL(run_one(SETGROUPS, maker_bytes(&maker, "", 0)), -EPERM);
}
AS_ROOT(user_and_groups_are_set)

static void no_groups_are_none_there(void)
{
	gid_t got[8];
	CHECK_EQUAL(run_one(SETGROUPS, maker_bytes(&maker, "", 0)), 0);
	CHECK_EQUAL(getgroups(8, got), 0);
}
AS_ROOT(no_groups_are_none)

static void the_bounding_set_is_cut_there(void)
{
	unsigned long long before = status_of("CapBnd");
	/* More than any kernel has: the first that it does not know ends the list. */
	CHECK_EQUAL(run_one(CAP_BOUND, 1ull << CAP_CHOWN | 1ull << CAP_KILL, 63), 0);
	CHECK_EQUAL(status_of("CapBnd"), before & (1ull << CAP_CHOWN | 1ull << CAP_KILL));
}
AS_ROOT(the_bounding_set_is_cut)

static void cutting_the_bounding_set_needs_a_right_there(void)
{
	CHECK_EQUAL(run_one(SETUID, 1000), 0);
	CHECK_EQUAL(run_one(CAP_BOUND, 0, 63), -EPERM);
}
AS_ROOT(cutting_the_bounding_set_needs_a_right)

static void capabilities_survive_the_change_of_user_there(void)
{
	uint64_t mask = 1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_SYSLOG; /* one in each half */
	if ((status_of("CapBnd") & mask) != mask)
		check_skip("needs capabilities");
	new_plan();
	add(CAP_KEEP, 1);
	add(SETUID, 1000);
	add(CAP_KEEP, 0);
	add(CAP_SET, mask, mask, mask);
	add(CAP_AMBIENT, 1ull << CAP_SYSLOG);
	CHECK_EQUAL(run_operations(), 0);
	CHECK_EQUAL(status_of("CapEff"), mask);
	CHECK_EQUAL(status_of("CapPrm"), mask);
	CHECK_EQUAL(status_of("CapInh"), mask);
	CHECK_EQUAL(status_of("CapAmb"), 1ull << CAP_SYSLOG);
	CHECK_EQUAL(run_one(CAP_AMBIENT, 1ull << CAP_CHOWN), -EPERM);
	CHECK_EQUAL(status_of("CapAmb"), 0);
	CHECK_EQUAL(run_one(CAP_SET, ~0ull, ~0ull, 0), -EPERM);
}
AS_ROOT(capabilities_survive_the_change_of_user)

static void no_new_privileges_are_gained_there(void)
{
	CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_EQUAL(run_one(NO_NEW_PRIVS), 0);
	CHECK_EQUAL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
IN_CHILD(no_new_privileges_are_gained)

static const struct sock_filter refuse_getppid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static void a_filter_is_loaded_there(void)
{
	new_plan();
	add(NO_NEW_PRIVS);
	add(SECCOMP, maker_bytes(&maker, refuse_getppid, sizeof refuse_getppid), 0);
	CHECK_EQUAL(run_operations(), 0);
	CHECK(syscall(SYS_getppid) < 0 && errno == EXDEV);
	CHECK(syscall(SYS_getpid) > 0);
}
IN_CHILD(a_filter_is_loaded)

static void a_bad_filter_is_refused_there(void)
{
	static char large[sizeof maker.text / 2];
	CHECK_EQUAL(run_one(NO_NEW_PRIVS), 0);
	CHECK_EQUAL(run_one(SECCOMP, maker_bytes(&maker, "", 0), 0), -EINVAL);
	CHECK_EQUAL(run_one(SECCOMP, maker_bytes(&maker, large, sizeof large), 0), -EINVAL);
	/* Longer than the kernel's limit, and with a length that would wrap to 1 in 16 bits. */
	struct plan_op op = { .code = OP_SECCOMP, .arg = { (uint64_t)(0x10001 * sizeof(struct sock_filter)) << 32 } };
	CHECK_EQUAL(op_seccomp(&run, &op), -E2BIG);
}
IN_CHILD(a_bad_filter_is_refused)

static void memory_policy_and_personality_are_set_there(void)
{
	const unsigned long nodes = 1;
	int mode = -1;
	struct utsname name;
	new_plan();
	add(MEMORY_POLICY, 2 /* MPOL_BIND */, maker_bytes(&maker, &nodes, sizeof nodes));
	add(PERSONALITY, 8 /* PER_LINUX32 */);
	CHECK_EQUAL(run_operations(), 0);
	if (!syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0))
		CHECK_EQUAL(mode, 2);
	CHECK(!uname(&name) && strcmp(name.machine, "x86_64") && strcmp(name.machine, "aarch64"));
	CHECK_EQUAL(run_one(MEMORY_POLICY, 0, maker_bytes(&maker, "", 0)), 0);
	CHECK_EQUAL(run_one(MEMORY_POLICY, 2, maker_bytes(&maker, "", 0)), -EINVAL);
}
IN_CHILD(memory_policy_and_personality_are_set)

static void processors_are_set_and_given_back_there(void)
{
	unsigned long first[16] = { 1 };
	cpu_set_t before, after;
	CHECK(!sched_getaffinity(0, sizeof before, &before));
	if (!CPU_ISSET(0, &before))
		check_skip("needs the first processor");
	CHECK_EQUAL(run_one(AFFINITY, maker_bytes(&maker, first, sizeof first)), 0);
	CHECK(!sched_getaffinity(0, sizeof after, &after));
	CHECK(CPU_COUNT(&after) == 1 && CPU_ISSET(0, &after));
	CHECK_EQUAL(affinity_restore(&run), 0);
	CHECK(!sched_getaffinity(0, sizeof after, &after));
	CHECK(CPU_EQUAL(&before, &after));
	CHECK_EQUAL(run_one(AFFINITY, maker_bytes(&maker, "\0\0\0\0\0\0\0\0", 8)), -EINVAL);
	affinity_restore(&run);
}
IN_CHILD(processors_are_set_and_given_back)

static void a_filter_that_asks_needs_the_flag_for_it_there(void)
{
	CHECK_EQUAL(run_one(NO_NEW_PRIVS), 0);
	run.slots[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK_EQUAL(run_one(SECCOMP_NOTIFY, maker_bytes(&maker, refuse_getppid, sizeof refuse_getppid), 0, 2,
			    maker_text(&maker, "{}")), -EINVAL);
	CHECK(syscall(SYS_getppid) > 0);
}
IN_CHILD(a_filter_that_asks_needs_the_flag_for_it)

static void dumpable_is_set_there(void)
{
	CHECK_EQUAL(run_one(DUMPABLE, 0), 0);
	CHECK_EQUAL(prctl(PR_GET_DUMPABLE), 0);
	CHECK_EQUAL(run_one(DUMPABLE, 1), 0);
	CHECK_EQUAL(prctl(PR_GET_DUMPABLE), 1);
}
IN_CHILD(dumpable_is_set)

#define GET_KEYRING_ID 0
#define SESSION_KEYRING (-3)

static void a_session_keyring_is_joined_there(void)
{
	long before = syscall(SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0);
	if (before < 0)
		check_skip("needs keyrings");
	CHECK_EQUAL(run_one(KEYRING, text("firkin-test")), 0);
	CHECK(syscall(SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0) != before);
}
IN_CHILD(a_session_keyring_is_joined)

static void a_session_is_begun_there(void)
{
	CHECK_EQUAL(run_one(SETSID), 0);
	CHECK_EQUAL(getsid(0), getpid());
	CHECK_EQUAL(run_one(SETSID), -EPERM);
}
IN_CHILD(a_session_is_begun)

static void host_and_domain_are_named_there(void)
{
	struct utsname name;
	new_plan();
	add(UNSHARE, CLONE_NEWUTS);
	add(HOSTNAME, text("host.example"));
	add(DOMAINNAME, text(""));
	CHECK_EQUAL(run_operations(), 0);
	CHECK(!uname(&name));
	CHECK_TEXT(name.nodename, "host.example");
	CHECK_TEXT(name.domainname, "");
	char long_name[80];
	memset(long_name, 'x', 79);
	long_name[79] = 0;
	CHECK_EQUAL(run_one(HOSTNAME, text(long_name)), -EINVAL);
}
AS_ROOT(host_and_domain_are_named)

static void a_namespace_is_joined_there(void)
{
	new_plan();
	run.slots[4] = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	struct utsname before, after;
	CHECK(run.slots[4] >= 0 && !uname(&before));
	add(UNSHARE, CLONE_NEWUTS);
	add(HOSTNAME, text("elsewhere"));
	add(SETNS, 4, CLONE_NEWUTS);
	CHECK_EQUAL(run_operations(), 0);
	CHECK(!uname(&after));
	CHECK_TEXT(after.nodename, before.nodename);
	CHECK_EQUAL(run_one(SETNS, 4, CLONE_NEWNET), -EINVAL);
	CHECK_EQUAL(run_one(SETNS, 5, CLONE_NEWUTS), -EBADF);
}
AS_ROOT(a_namespace_is_joined)

static void the_loopback_device_is_set_up_there(void)
{
	struct ifreq request = { .ifr_name = "lo" };
	CHECK_EQUAL(run_one(UNSHARE, CLONE_NEWNET), 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(!ioctl(fd, SIOCGIFFLAGS, &request) && !(request.ifr_flags & IFF_UP));
	CHECK_EQUAL(run_one(LOOPBACK), 0);
	CHECK(!ioctl(fd, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP);
}
AS_ROOT(the_loopback_device_is_set_up)

static void open_streams(const char *out)
{
	CHECK_EQUAL(dup2(open("/dev/null", O_RDWR), 0), 0);
	CHECK_EQUAL(dup2(open(out, O_CREAT | O_RDWR, 0600), 1), 1);
	close(2);
}

static void standard_streams_are_given_to_the_user_there(void)
{
	char path[300];
	struct stat stat;
	snprintf(path, sizeof path, "%s/out", check_directory());
	open_streams(path);
	CHECK_EQUAL(run_one(STDIO_OWNER, 1234), 0);
	CHECK(!fstat(1, &stat));
	CHECK_EQUAL(stat.st_uid, 1234);
	CHECK_EQUAL(stat.st_gid, 0);
	CHECK(!fstat(0, &stat));
	CHECK_EQUAL(stat.st_uid, 0);
}
AS_ROOT(standard_streams_are_given_to_the_user)

static const char *directory_of_root(void)
{
	static char path[300];
	snprintf(path, sizeof path, "%s/closed", check_directory());
	CHECK(!mkdir(path, 0700) || errno == EEXIST);
	return path;
}

static void the_working_directory_is_set_once_there(void)
{
	char got[300];
	new_plan();
	add(CHDIR, text(check_directory()), 0);
	add(CHDIR, text("/proc/nonexistent"), 1);
	CHECK_EQUAL(run_operations(), 0);
	CHECK(getcwd(got, sizeof got));
	CHECK_TEXT(got, check_directory());
}
IN_CHILD(the_working_directory_is_set_once)

static void a_working_directory_that_is_missing_is_told_there(void)
{
	CHECK_EQUAL(run_one(CHDIR, text("/proc/nonexistent"), 0), -ENOENT);
	CHECK_EQUAL(run_one(CHDIR, text("/dev/null"), 0), -ENOTDIR);
}
IN_CHILD(a_working_directory_that_is_missing_is_told)

static void a_closed_working_directory_is_tried_twice_there(void)
{
	const char *path = directory_of_root();
	CHECK_EQUAL(run_one(SETUID, 1000), 0);
	CHECK_EQUAL(run_one(CHDIR, text(path), 0), 0);
	CHECK_EQUAL(run.cwd_set, 0);
	CHECK_EQUAL(run_one(CHDIR, text(path), 1), -EACCES);
}
AS_ROOT(a_closed_working_directory_is_tried_twice)

/* CVE-2024-21626: a descriptor of a directory of the host is a way out of the container. */
static void a_working_directory_outside_of_the_root_is_refused_there(void)
{
	char path[64];
	int outside = open("/", O_PATH | O_DIRECTORY), self = open("/proc", O_PATH | O_DIRECTORY);
	CHECK(outside >= 0 && self >= 0 && !chroot(check_directory()));
	/* /proc is outside as well: the link is reached by descriptor. */
	snprintf(path, sizeof path, "self/fd/%d", outside);
	CHECK(!fchdir(self));
	CHECK_EQUAL(run_one(CHDIR, text(path), 0), -EPERM);
}
AS_ROOT(a_working_directory_outside_of_the_root_is_refused)

static void a_working_directory_that_was_removed_is_refused_there(void)
{
	char path[300];
	snprintf(path, sizeof path, "%s/gone", check_directory());
	CHECK(!mkdir(path, 0755) && !chdir(path) && !rmdir(path));
	CHECK_EQUAL(run_one(CHDIR, text("."), 0), -EPERM);
}
IN_CHILD(a_working_directory_that_was_removed_is_refused)

#define find(...) run_one(FIND_EXECUTABLE, maker_texts(&maker, __VA_ARGS__))

static void executables_are_found_there(void)
{
	CHECK_EQUAL(find("/bin/sh"), 0);
	CHECK_EQUAL(find("/proc/nonexistent", "/etc/passwd/x", "/bin/sh"), 0);
	CHECK_EQUAL(find("/proc/nonexistent"), -ENOENT);
	CHECK_EQUAL(find("/etc/passwd/x"), -ENOENT);
	CHECK_EQUAL(find("/"), -EACCES);
	CHECK_EQUAL(find("/etc/passwd", "/proc/nonexistent"), -EACCES);
	CHECK_EQUAL(find("/etc/passwd", "/bin/sh"), 0);
}
IN_CHILD(executables_are_found)

static void an_executable_of_others_is_no_executable_there(void)
{
	char path[300];
	CHECK(!chmod(check_directory(), 0755));
	snprintf(path, sizeof path, "%s/program", check_directory());
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
	CHECK_EQUAL(find(path), 0);
	CHECK_EQUAL(run_one(SETUID, 1000), 0);
	CHECK_EQUAL(find(path), -EACCES);
}
AS_ROOT(an_executable_of_others_is_no_executable)

static void slots_are_closed_but_for_those_named_there(void)
{
	new_plan();
	for (int slot = 0; slot < 6; slot++)
		run.slots[slot] = open("/", O_PATH | O_CLOEXEC);
	int before = check_open_descriptors();
	CHECK_EQUAL(run_one(KEEP_SLOTS, 1, PLAN_NO_SLOT, 4, 2), 0);
	for (int slot = 0; slot < 6; slot++)
		CHECK_EQUAL(run.slots[slot] >= 0, slot == 1 || slot == 2 || slot == 4);
	CHECK_EQUAL(check_open_descriptors(), before - 3);
}
IN_CHILD(slots_are_closed_but_for_those_named)

static const struct check_test tests[] = {
	TEST(the_umask_is_set),
	TEST(user_and_groups_are_set),
	TEST(no_groups_are_none),
	TEST(the_bounding_set_is_cut),
	TEST(cutting_the_bounding_set_needs_a_right),
	TEST(capabilities_survive_the_change_of_user),
	TEST(no_new_privileges_are_gained),
	TEST(a_filter_is_loaded),
	TEST(a_bad_filter_is_refused),
	TEST(memory_policy_and_personality_are_set),
	TEST(processors_are_set_and_given_back),
	TEST(a_filter_that_asks_needs_the_flag_for_it),
	TEST(dumpable_is_set),
	TEST(a_session_keyring_is_joined),
	TEST(a_session_is_begun),
	TEST(host_and_domain_are_named),
	TEST(a_namespace_is_joined),
	TEST(the_loopback_device_is_set_up),
	TEST(standard_streams_are_given_to_the_user),
	TEST(the_working_directory_is_set_once),
	TEST(a_working_directory_that_is_missing_is_told),
	TEST(a_closed_working_directory_is_tried_twice),
	TEST(a_working_directory_outside_of_the_root_is_refused),
	TEST(a_working_directory_that_was_removed_is_refused),
	TEST(executables_are_found),
	TEST(an_executable_of_others_is_no_executable),
	TEST(slots_are_closed_but_for_those_named),
};
CHECK_MAIN(tests)

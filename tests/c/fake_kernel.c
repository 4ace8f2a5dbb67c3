/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_state.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any plan of the fuzzer's size needs: a loop that does not end. */
#define MAX_CALLS 2000000

struct fake_state fake;

void fake_die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("fake kernel: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

uint8_t fake_byte(void)
{
	if (!fake.script_size)
		return 0;
	fake.script_size--;
	return *fake.script++;
}

long fake_result(void)
{
	static const int errors[] = { ENOENT, EEXIST, EPERM, EACCES, EINVAL, ENOTDIR, EINTR, EAGAIN, ENOSYS,
				      EBADF, ENOENT, EIO, ESRCH, ECHILD, EBUSY, EROFS, EMFILE, ENOENT, ELOOP,
				      EEXIST, ENOTTY, ENODATA, ENAMETOOLONG, E2BIG };
	uint8_t byte = fake_byte();
	if (byte < 192)
		return 0;
	return -errors[(byte - 192) % (sizeof errors / sizeof errors[0])];
}

void fake_reads(const void *data, size_t size)
{
	const volatile unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++)
		(void)bytes[i];
}

void fake_writes(void *data, size_t size)
{
	volatile unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++)
		bytes[i] ^= 0;
}

const char *fake_text(long address)
{
	const char *text = (const char *)address;
	if (text)
		fake_reads(text, strlen(text) + 1);
	return text;
}

void fake_vector(long address)
{
	for (char *const *entry = (char *const *)address; entry && *entry; entry++)
		fake_text((long)*entry);
}

long fake_open(enum fake_kind kind, int close_on_exec)
{
	if (!close_on_exec)
		fake_die("a descriptor is opened without close-on-exec");
	long r = fake_result();
	if (r < 0)
		return r;
	for (int fd = 3; fd < FAKE_DESCRIPTORS; fd++) {
		if (fake.fds[fd].open)
			continue;
		fake.fds[fd] = (struct fake_descriptor){ 1, 1, (uint8_t)kind, 0 };
		return fd;
	}
	return -EMFILE;
}

int fake_is_open(long fd)
{
	return fd >= 0 && fd < FAKE_DESCRIPTORS && fake.fds[fd].open;
}

enum fake_kind fake_kind_of(long fd)
{
	return fake_is_open(fd) ? (enum fake_kind)fake.fds[fd].kind : FAKE_OTHER;
}

long fake_close(long fd)
{
	if (fd < 0)
		return -EBADF;
	if (!fake_is_open(fd))
		fake_die("descriptor %ld is closed, but not open", fd);
	if (fd < 3)
		fake_die("standard stream %ld is closed", fd);
	fake.fds[fd].open = 0;
	return 0;
}

void fake_check_inheritance(int allowed)
{
	int inherited = 0;
	for (int fd = 3; fd < FAKE_DESCRIPTORS; fd++)
		inherited += fake.fds[fd].open && !fake.fds[fd].close_on_exec;
	if (inherited > allowed)
		fake_die("%d descriptors are inherited, not %d", inherited, allowed);
}

void fake_leave(void)
{
	longjmp(fake.in_vfork ? fake.vfork_end : fake.end, 1);
}

/* The child of a vfork(2): it has the parent's memory, and descriptors of its own unless it shares them. */
static void run_vfork(void (*child)(void *), void *argument, int shares_descriptors)
{
	static struct fake_descriptor saved[FAKE_DESCRIPTORS];
	memcpy(saved, fake.fds, sizeof saved);
	fake.in_vfork = 1;
	if (!setjmp(fake.vfork_end)) {
		child(argument);
		fake_die("the child of a vfork returns");
	}
	fake.in_vfork = 0;
	if (!shares_descriptors)
		memcpy(fake.fds, saved, sizeof saved);
}

long sys_clone3_call(void *args, size_t size, void (*child)(void *), void *argument)
{
	struct clone_args *clone = args;
	fake_reads(args, size);
	fake_writes((void *)(uintptr_t)clone->stack, clone->stack_size);
	if (clone->flags & CLONE_INTO_CGROUP && !fake_is_open((long)clone->cgroup))
		return -EBADF;
	long fd = fake_open(FAKE_OTHER, 1);
	if (fd < 0)
		return fd;
	fake_writes((void *)(uintptr_t)clone->pidfd, sizeof(int));
	*(int *)(uintptr_t)clone->pidfd = (int)fd;
	run_vfork(child, argument, !!(clone->flags & CLONE_FILES));
	return 4711;
}

static fake_call *find_call(const struct fake_entry *calls, long number)
{
	for (; calls->call; calls++)
		if (calls->number == number)
			return calls->call;
	return NULL;
}

long sys_call(long number, long a, long b, long c, long d, long e, long f)
{
	const long arguments[] = { a, b, c, d, e, f };
	fake_call *call = find_call(fake_file_calls, number);
	if (!call)
		call = find_call(fake_process_calls, number);
	if (!call)
		fake_die("system call %ld is not known", number);
	if (++fake.calls > MAX_CALLS)
		fake_die("too many system calls");
	return call(arguments);
}

static void start(const uint8_t *script, size_t script_size, const void *plan, size_t plan_size, int first_free)
{
	memset(&fake, 0, sizeof fake);
	fake.script = script;
	fake.script_size = script_size;
	fake.plan = plan;
	fake.plan_size = plan_size;
	fake.first_free = first_free;
	fake.time_ns = 1000000000;
	for (int fd = 0; fd < fake.first_free; fd++)
		fake.fds[fd].open = 1;
}

void fake_start_parent(const uint8_t *script, size_t script_size, const void *plan, size_t plan_size)
{
	start(script, script_size, plan, plan_size, FAKE_INIT + 1);
	fake.fds[FAKE_INIT].close_on_exec = 1;
}

void fake_start_child(const uint8_t *script, size_t script_size, const void *plan, size_t plan_size)
{
	start(script, script_size, plan, plan_size, FAKE_PLAN + 1);
}

void fake_run(void (*entry)(void))
{
	if (!setjmp(fake.end))
		entry();
}

void fake_take(int fd)
{
	if (fd >= 0)
		fake_close(fd);
}

void fake_expect_nothing_left(void)
{
	for (int fd = 3; fd < FAKE_DESCRIPTORS; fd++)
		if (fake.fds[fd].open != (fd < fake.first_free))
			fake_die("descriptor %d is %s", fd, fake.fds[fd].open ? "left open" : "closed");
	if (fake.mapping)
		fake_die("a mapping is left");
}

void fake_end(void)
{
	free(fake.mapping);
	fake.mapping = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firkin-init: the executor. It gets two descriptors, the socket to its parent and the plan, runs the
 * child's operations and becomes the workload. No C library, no heap, no environment.
 */
#include "child.h"
#include "start.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/time_types.h>
#include <sys/mman.h>

/* The container's exit status if its program could not be executed, as shells have it. */
#define EXIT_NOT_FOUND 127
#define EXIT_NOT_EXECUTABLE 126

static struct run run;

static int map_plan(int fd)
{
	long size = sys_lseek(fd, 0, 2 /* SEEK_END */);
	if (size <= 0)
		return size ? (int)size : -EINVAL;
	long base = sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	sys_close(fd);
	if (base < 0 && base > -4096)
		return (int)base;
	return plan_check(&run.plan, (void *)base, (uint64_t)size);
}

static int exit_status(int error)
{
	uint32_t count = run.plan.header ? run.plan.header->sections[PLAN_CHILD].count : 0;
	uint32_t code = run.op < count ? plan_ops(&run.plan, PLAN_CHILD)[run.op].code : 0;
	if (code != OP_EXEC && code != OP_FIND_EXECUTABLE)
		return 1;
	return error == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int run_child(int plan_fd)
{
	int r = map_plan(plan_fd);
	if (r < 0)
		return r;
	sys_umask(0);
	return run_section(&run, PLAN_CHILD, child_operations, child_operation_count);
}

/*
 * Without arguments it is a placeholder: a process that does nothing but be in a cgroup, until nobody
 * holds the other end of the pipe that is its standard input. Its maker was killed then, maybe when
 * it had just asked systemd for a scope: one whose process is dead before it is moved there would be
 * empty from the start, and nobody is told when an empty cgroup stays empty. So it stays a while.
 */
static int hold_place(void)
{
	struct __kernel_timespec grace = { .tv_sec = 5 };
	char byte;
	long r = sys_close_range(1, ~0u, 0);
	if (r < 0)
		return 1;
	do
		r = sys_read(0, &byte, 1);
	while (r == -EINTR || r > 0);
	sys_ppoll(0, 0, &grace, 0);
	return r < 0;
}

int start_main(int argc, char **argv)
{
	if (argc == 1)
		return hold_place();
	run_prepare(&run);
	if (argc != 3)
		return 1;
	run.sync = (int)text_number(argv[1]);
	/* All others are the workload's: the parent passes on nothing else. */
	sys_fcntl(run.sync, F_SETFD, FD_CLOEXEC);
	int r = run_child((int)text_number(argv[2]));
	child_report(&run, r);
	return exit_status(r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may do. */
#include "child.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <fcntl.h>
#include <sys/prctl.h>

int op_umask(struct run *run, const struct plan_op *op)
{
	(void)run;
	sys_umask(op->arg[0]);
	return 0;
}

int op_setgroups(struct run *run, const struct plan_op *op)
{
	struct plan_bytes gids = plan_bytes(&run->plan, op->arg[0]);
	return (int)sys_setgroups(gids.size / 4, gids.data);
}

int op_setgid(struct run *run, const struct plan_op *op)
{
	(void)run;
	return (int)sys_setresgid(op->arg[0], op->arg[0], op->arg[0]);
}

int op_setuid(struct run *run, const struct plan_op *op)
{
	(void)run;
	return (int)sys_setresuid(op->arg[0], op->arg[0], op->arg[0]);
}

/* A kernel that knows fewer capabilities than we do answers EINVAL from its last one on. */
int op_cap_bound(struct run *run, const struct plan_op *op)
{
	(void)run;
	for (uint64_t cap = 0; cap <= op->arg[1] && cap < 64; cap++) {
		if (op->arg[0] >> cap & 1)
			continue;
		long r = sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
		if (r < 0)
			return r == -EINVAL && cap ? 0 : (int)r;
	}
	return 0;
}

int op_cap_keep(struct run *run, const struct plan_op *op)
{
	(void)run;
	return (int)sys_prctl(PR_SET_KEEPCAPS, op->arg[0], 0, 0, 0);
}

int op_cap_set(struct run *run, const struct plan_op *op)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	(void)run;
	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(op->arg[0] >> (32 * i));
		data[i].permitted = (uint32_t)(op->arg[1] >> (32 * i));
		data[i].inheritable = (uint32_t)(op->arg[2] >> (32 * i));
	}
	return (int)sys_capset(&header, data);
}

int op_cap_ambient(struct run *run, const struct plan_op *op)
{
	(void)run;
	long r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (uint64_t cap = 0; cap < 64 && r >= 0; cap++)
		if (op->arg[0] >> cap & 1)
			r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return (int)r;
}

int op_no_new_privs(struct run *run, const struct plan_op *op)
{
	(void)run;
	(void)op;
	return (int)sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int op_seccomp(struct run *run, const struct plan_op *op)
{
	struct plan_bytes program = plan_bytes(&run->plan, op->arg[0]);
	struct sock_fprog filter = { .len = (unsigned short)(program.size / sizeof(struct sock_filter)),
				     .filter = (struct sock_filter *)(uintptr_t)program.data };
	if (program.size > 4096 * sizeof(struct sock_filter))
		return -E2BIG;
	return (int)sys_seccomp(SECCOMP_SET_MODE_FILTER, op->arg[1], &filter);
}

int op_personality(struct run *run, const struct plan_op *op)
{
	(void)run;
	long r = sys_personality(op->arg[0]);
	return r < 0 ? (int)r : 0;
}

/* The mask has whole words; of the number of bits that it is said to have, the kernel takes one off. */
int op_memory_policy(struct run *run, const struct plan_op *op)
{
	struct plan_bytes nodes = plan_bytes(&run->plan, op->arg[1]);
	return (int)sys_set_mempolicy(op->arg[0], nodes.size ? nodes.data : 0, nodes.size ? nodes.size * 8 + 1 : 0);
}

int op_dumpable(struct run *run, const struct plan_op *op)
{
	(void)run;
	return (int)sys_prctl(PR_SET_DUMPABLE, op->arg[0], 0, 0, 0);
}

/* A session keyring of its own; a kernel without keyrings has nothing to keep apart. */
int op_keyring(struct run *run, const struct plan_op *op)
{
	long r = sys_keyctl(1 /* KEYCTL_JOIN_SESSION_KEYRING */, run_text(run, op->arg[0]));
	return r == -ENOSYS ? 0 : r < 0 ? (int)r : 0;
}

static int is_null_device(const struct statx *s)
{
	return (s->stx_mode & 0170000) == 0020000 && s->stx_rdev_major == 1 && s->stx_rdev_minor == 3;
}

/* So that the container's user can reopen its own standard streams; not all of them can be given. */
int op_stdio_owner(struct run *run, const struct plan_op *op)
{
	(void)run;
	for (int fd = 0; fd < 3; fd++) {
		struct statx s = { 0 };
		long r = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID, &s);
		if (r == -EBADF || s.stx_uid == op->arg[0] || is_null_device(&s))
			continue;
		if (r >= 0)
			r = sys_fchown(fd, op->arg[0], -1);
		if (r < 0 && r != -EPERM && r != -EINVAL && r != -EROFS)
			return (int)r;
	}
	return 0;
}

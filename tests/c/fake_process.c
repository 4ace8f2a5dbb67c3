/* SPDX-License-Identifier: Apache-2.0 */
/* The fake kernel's processes and sockets. */
#include "fake_state.h"
#include "plan.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/time_types.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static long succeed(const long *arg)
{
	(void)arg;
	return fake_result();
}

static long call_getpid(const long *arg)
{
	(void)arg;
	return 4711;
}

static long of_descriptor(const long *arg)
{
	return fake_is_open(arg[0]) ? fake_result() : -EBADF;
}

static long call_name(const long *arg)
{
	fake_reads((void *)arg[0], (size_t)arg[1]);
	return fake_result();
}

static long call_setgroups(const long *arg)
{
	if (arg[0] < 0 || arg[0] > 65536)
		return -EINVAL;
	fake_reads((void *)arg[1], (size_t)arg[0] * 4);
	return fake_result();
}

static long call_capset(const long *arg)
{
	fake_reads((void *)arg[0], sizeof(struct __user_cap_header_struct));
	fake_reads((void *)arg[1], 2 * sizeof(struct __user_cap_data_struct));
	return fake_result();
}

static long call_seccomp(const long *arg)
{
	const struct sock_fprog *program = (void *)arg[2];
	fake_reads(program, sizeof *program);
	fake_reads(program->filter, program->len * sizeof(struct sock_filter));
	return fake_result();
}

static long call_prlimit(const long *arg)
{
	if (!arg[0])
		fake_die("the limit is the caller's own");
	fake_reads((void *)arg[2], sizeof(struct rlimit64));
	return fake_result();
}

static long call_set_mempolicy(const long *arg)
{
	fake_reads((void *)arg[1], (size_t)arg[2] / 8);
	return fake_result();
}

static long call_affinity(const long *arg)
{
	fake_reads((void *)arg[2], (size_t)arg[1]);
	return fake_result();
}

static long call_getaffinity(const long *arg)
{
	fake_writes((void *)arg[2], (size_t)arg[1]);
	long r = fake_result();
	return r ? r : 8;
}

static long call_sched_setattr(const long *arg)
{
	if (!arg[0])
		fake_die("the scheduler is the caller's own");
	fake_reads((void *)arg[1], 48);
	return fake_result();
}

static long call_ioprio_set(const long *arg)
{
	if (!arg[1])
		fake_die("the priority is the caller's own");
	return fake_result();
}

/* Who would wait waits for ever. */
static long call_futex(const long *arg)
{
	fake_reads((void *)arg[0], sizeof(int));
	if (arg[1] == FUTEX_WAIT)
		fake_leave();
	return fake_result();
}

static long call_keyctl(const long *arg)
{
	fake_text(arg[1]);
	return fake_result();
}

/* A fork: the child goes on, unless the script wants the parent to. */
static long call_clone3(const long *arg)
{
	struct clone_args *args = (void *)arg[0];
	fake_reads(args, (size_t)arg[1]);
	if (args->flags & CLONE_INTO_CGROUP && !fake_is_open((long)args->cgroup))
		return -EBADF;
	long r = fake_result();
	if (r || fake_byte() < 128)
		return r;
	long fd = fake_open(FAKE_OTHER, 1);
	if (fd < 0)
		return fd;
	*(int *)(uintptr_t)args->pidfd = (int)fd;
	return 4712;
}

static long call_execve(const long *arg)
{
	fake_text(arg[0]);
	fake_vector(arg[1]);
	fake_vector(arg[2]);
	long r = fake_result();
	if (r)
		return r;
	/* A hook, or the workload: neither gets anything of ours. */
	fake_check_inheritance(0);
	fake_leave();
}

static long call_execveat(const long *arg)
{
	fake_text(arg[1]);
	fake_vector(arg[2]);
	fake_vector(arg[3]);
	long r = of_descriptor(arg);
	if (r)
		return r;
	/* firkin-init gets the socket and the plan. */
	fake_check_inheritance(2);
	fake_leave();
}

static long call_exit_group(const long *arg)
{
	(void)arg;
	fake_leave();
}

static long call_pidfd_open(const long *arg)
{
	(void)arg;
	return fake_open(FAKE_OTHER, 1);
}

static long call_waitid(const long *arg)
{
	siginfo_t *info = (void *)arg[2];
	fake_writes(info, sizeof *info);
	long r = of_descriptor(&arg[1]);
	uint8_t byte = r ? 0 : fake_byte();
	info->si_code = byte < 192 ? CLD_EXITED : CLD_KILLED;
	info->si_status = byte % 64;
	return r;
}

static long call_sigprocmask(const long *arg)
{
	if (arg[1])
		fake_reads((void *)arg[1], 8);
	if (arg[2])
		memset((void *)arg[2], 0, 8);
	return 0;
}

/* At the end of the script comes what ends a process that waits for signals for ever. */
static long call_sigtimedwait(const long *arg)
{
	siginfo_t *info = (void *)arg[1];
	fake_reads((void *)arg[0], 8);
	fake_writes(info, sizeof *info);
	uint8_t byte = fake.script_size ? fake_byte() : 255;
	if (byte < 128)
		return SIGCHLD;
	info->si_code = byte & 1 ? SI_USER : SI_QUEUE;
	info->si_pid = byte & 2 ? 0 : 1;
	return byte < 192 ? -EINTR : SIGTERM;
}

static long call_sigaction(const long *arg)
{
	fake_reads((void *)arg[1], 32);
	return 0;
}

static long call_clock_gettime(const long *arg)
{
	struct __kernel_timespec *time = (void *)arg[1];
	fake.time_ns += 1000;
	*time = (struct __kernel_timespec){ fake.time_ns / 1000000000, fake.time_ns % 1000000000 };
	return 0;
}

static long call_ppoll(const long *arg)
{
	struct pollfd *fds = (void *)arg[0];
	const struct __kernel_timespec *timeout = (void *)arg[2];
	/* It waits until it is killed. */
	if (!fds && !timeout)
		fake_leave();
	fake_writes(fds, (size_t)arg[1] * sizeof *fds);
	if (timeout && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec > 999999999))
		fake_die("ppoll with a timeout of %lld s, %lld ns", timeout->tv_sec, timeout->tv_nsec);
	if (!timeout && fds->fd < 0)
		fake_die("ppoll waits for ever for nothing");
	long r = fake_result();
	if (r == -EINTR)
		return r;
	if (timeout && r) {
		/* It passes, as far as a clock can show. */
		fake.time_ns += timeout->tv_sec > 1000000000 ? 0 : timeout->tv_sec * 1000000000 + timeout->tv_nsec;
		return timeout->tv_sec > 1000000000 ? -EINTR : 0;
	}
	fds->revents = fds->events;
	return 1;
}

static long call_bpf(const long *arg)
{
	const union bpf_attr *attr = (void *)arg[1];
	fake_reads(attr, (size_t)arg[2]);
	if (arg[0] != BPF_PROG_LOAD)
		return fake_result();
	fake_text((long)attr->license);
	fake_reads((void *)(uintptr_t)attr->insns, attr->insn_cnt * sizeof(struct bpf_insn));
	return fake_open(FAKE_OTHER, 1);
}

static long call_socket(const long *arg)
{
	return fake_open(FAKE_OTHER, !!(arg[1] & SOCK_CLOEXEC));
}

static long call_socketpair(const long *arg)
{
	int *pair = (void *)arg[3];
	fake_writes(pair, 2 * sizeof *pair);
	long first = fake_open(FAKE_OTHER, !!(arg[1] & SOCK_CLOEXEC));
	if (first < 0)
		return first;
	long second = fake_open(FAKE_OTHER, 1);
	if (second < 0) {
		fake_close(first);
		return second;
	}
	pair[0] = (int)first;
	pair[1] = (int)second;
	return 0;
}

static long call_pipe(const long *arg)
{
	int *ends = (void *)arg[0];
	fake_writes(ends, 2 * sizeof *ends);
	long pair[4] = { 0, arg[1] & O_CLOEXEC ? SOCK_CLOEXEC : 0, 0, arg[0] };
	return call_socketpair(pair);
}

static long call_connect(const long *arg)
{
	fake_reads((void *)arg[1], (size_t)arg[2]);
	return of_descriptor(arg);
}

static long call_accept(const long *arg)
{
	long r = of_descriptor(arg);
	return r ? r : fake_open(FAKE_OTHER, !!(arg[3] & SOCK_CLOEXEC));
}

static long check_sent_descriptors(const struct msghdr *message)
{
	const struct cmsghdr *header = message->msg_control;
	if (!message->msg_controllen)
		return 0;
	fake_reads(header, message->msg_controllen);
	const int *fds = (const void *)CMSG_DATA(header);
	for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof *fds; i++)
		if (!fake_is_open(fds[i]))
			return -EBADF;
	return 0;
}

static long call_sendmsg(const long *arg)
{
	const struct msghdr *message = (void *)arg[1];
	fake_reads(message, sizeof *message);
	fake_reads(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
	if (!(arg[2] & MSG_NOSIGNAL))
		fake_die("sendmsg that may raise SIGPIPE");
	long r = of_descriptor(arg);
	if (!r)
		r = check_sent_descriptors(message);
	if (r)
		return r;
	const struct plan_record *record = message->msg_iov[0].iov_base;
	if (message->msg_iov[0].iov_len == sizeof *record && record->type == PLAN_ARRIVED)
		fake.arrived = record->value;
	return (long)message->msg_iov[0].iov_len;
}

static void receive_descriptors(struct msghdr *message, unsigned count)
{
	struct cmsghdr *header = message->msg_control;
	unsigned room = (unsigned)((message->msg_controllen - CMSG_LEN(0)) / sizeof(int)), made = 0;
	for (; made < count && made < room; made++) {
		long fd = fake_open(FAKE_OTHER, 1);
		if (fd < 0)
			break;
		((int *)(void *)CMSG_DATA(header))[made] = (int)fd;
	}
	if (made < count)
		message->msg_flags |= MSG_CTRUNC;
	message->msg_controllen = made ? CMSG_SPACE(made * sizeof(int)) : 0;
	if (made)
		*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(made * sizeof(int)), .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS };
}

/* What the other side would say; the script may put other words into its mouth. */
static unsigned make_record(struct plan_record *record, uint8_t byte)
{
	record->type = fake.arrived ? PLAN_RELEASED : PLAN_SLOTS;
	record->value = fake.arrived;
	fake.arrived = 0;
	if (byte < 32)
		return record->type == PLAN_SLOTS ? 8 : 0;
	record->type = byte % 9;
	record->value = fake_byte() % 5;
	record->op = fake_byte();
	record->error = (int8_t)fake_byte();
	memset(record->detail, 'd', fake_byte() % (PLAN_DETAIL + 1));
	return fake_byte() % 80;
}

/* The name of a terminal, and the terminal. */
static long receive_name(struct msghdr *message, uint8_t byte)
{
	receive_descriptors(message, byte & 1);
	return byte < 128 ? (long)message->msg_iov[0].iov_len : 0;
}

static long call_recvmsg(const long *arg)
{
	struct msghdr *message = (void *)arg[1];
	struct plan_record *record = message->msg_iov[0].iov_base;
	fake_writes(record, message->msg_iov[0].iov_len);
	fake_writes(message->msg_control, message->msg_controllen);
	if (!(arg[2] & MSG_CMSG_CLOEXEC))
		fake_die("descriptors are received without close-on-exec");
	long r = of_descriptor(arg);
	if (r)
		return r;
	uint8_t byte = fake_byte();
	message->msg_flags = 0;
	if (message->msg_iov[0].iov_len < sizeof *record)
		return receive_name(message, byte);
	/* A script that is used up is the end of the file. */
	if (!fake.script_size && !fake.arrived) {
		message->msg_controllen = 0;
		return 0;
	}
	memset(record, 0, sizeof *record);
	receive_descriptors(message, make_record(record, byte));
	return byte == 255 ? byte % (long)sizeof *record : (long)sizeof *record;
}

const struct fake_entry fake_process_calls[] = {
	{ SYS_setns, of_descriptor }, { SYS_unshare, succeed }, { SYS_sethostname, call_name },
	{ SYS_setdomainname, call_name }, { SYS_getpid, call_getpid }, { SYS_getppid, call_getpid },
	{ SYS_setsid, succeed },
	{ SYS_setgroups, call_setgroups }, { SYS_setresgid, succeed }, { SYS_setresuid, succeed },
	{ SYS_umask, succeed }, { SYS_prctl, succeed }, { SYS_capset, call_capset },
	{ SYS_personality, succeed }, { SYS_set_mempolicy, call_set_mempolicy },
	{ SYS_sched_setaffinity, call_affinity }, { SYS_sched_getaffinity, call_getaffinity },
	{ SYS_sched_setattr, call_sched_setattr }, { SYS_ioprio_set, call_ioprio_set }, { SYS_futex, call_futex },
	{ SYS_seccomp, call_seccomp }, { SYS_prlimit64, call_prlimit }, { SYS_keyctl, call_keyctl },
	{ SYS_clone3, call_clone3 }, { SYS_execve, call_execve }, { SYS_execveat, call_execveat },
	{ SYS_exit_group, call_exit_group }, { SYS_pidfd_open, call_pidfd_open },
	{ SYS_pidfd_send_signal, of_descriptor }, { SYS_waitid, call_waitid },
	{ SYS_rt_sigprocmask, call_sigprocmask }, { SYS_rt_sigaction, call_sigaction },
	{ SYS_rt_sigtimedwait, call_sigtimedwait },
	{ SYS_clock_gettime, call_clock_gettime }, { SYS_ppoll, call_ppoll }, { SYS_bpf, call_bpf },
	{ SYS_socket, call_socket }, { SYS_socketpair, call_socketpair }, { SYS_pipe2, call_pipe },
	 { SYS_connect, call_connect },
	{ SYS_bind, call_connect }, { SYS_listen, of_descriptor }, { SYS_accept4, call_accept },
	{ SYS_sendmsg, call_sendmsg }, { SYS_recvmsg, call_recvmsg }, { 0, NULL },
};

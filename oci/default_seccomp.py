"""The system call filter that containers of images get: what programs need, without what only the host's own do.

Calls that are not named are refused with EPERM; those that are newer than the newest one here do not exist for the
container, so that libraries fall back (firkin.runtime.seccomp.newer). With a capability come the calls that it is for.
Source: capabilities(7), syscalls(2); the choice is the one that container engines share.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["default_seccomp"]

_FILES = """
access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32
lgetxattr link linkat listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod
mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile sendfile64 setxattr splice stat stat64
statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime
utimensat utimensat_time64 utimes vmsplice write writev
"""
_MEMORY = """
brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync munlock
munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
"""
_PROCESSES = """
alarm arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 getgid
getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32
getresuid getresuid32 getrlimit get_robust_list getrusage getsid get_thread_area gettid getuid getuid32 ioprio_get
ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt nanosleep pause pidfd_open
pidfd_send_signal prctl prlimit64 process_madvise process_vm_readv process_vm_writev ptrace restart_syscall rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
sched_setattr sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid
setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid set_thread_area set_tid_address setuid setuid32
sigaltstack signalfd signalfd4 sigprocmask sigreturn sysinfo tgkill time times tkill ugetrlimit uname vfork wait4 waitid
waitpid
"""
_EVENTS = """
clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 futex futex_time64 futex_waitv gettimeofday adjtimex io_cancel io_destroy io_getevents
io_pgetevents io_pgetevents_time64 io_setup io_submit mq_getsetattr mq_notify mq_open mq_timedreceive
mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 poll ppoll
ppoll_time64 pselect6 pselect6_time64 select _newselect semctl semget semop semtimedop semtimedop_time64 shmat shmctl
shmdt shmget timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
_SOCKETS = """
accept accept4 bind connect getpeername getsockname getsockopt ipc listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""
_ARM = "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"
_WITH_CAPABILITY = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
    "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 "
    "unshare",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
}
_ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}
_NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW* flags of clone(2)
# Linux, the 32-bit one of uname(2), addresses that are not random; and the question.
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_AF_VSOCK = 40  # to the host of a virtual machine, past all networks
_EPERM, _ENOSYS = 1, 38


def default_seccomp(capabilities: Collection[str], machine: str) -> dict[str, object]:
    """A `linux.seccomp` object.

    Parameters: `capabilities` are those that the container is bounded by, `machine` is uname(2)'s word for the
    architecture.
    """
    allowed = " ".join((_FILES, _MEMORY, _PROCESSES, _EVENTS, _SOCKETS, _ARM)).split()
    for name, calls in _WITH_CAPABILITY.items():
        allowed += calls.split() if name in capabilities else ()
    rules: list[dict[str, object]] = [{"names": sorted(set(allowed)), "action": "SCMP_ACT_ALLOW"}]
    rules.append(_when("personality", *((0, value, "SCMP_CMP_EQ") for value in _PERSONALITIES)))
    rules.append(_when("socket", (0, _AF_VSOCK, "SCMP_CMP_NE")))
    if "CAP_SYS_ADMIN" not in capabilities:
        rules.append(_when("clone", (0, _NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ")))
        # Its flags lie in memory, where no filter sees them: libraries fall back to clone(2).
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    found: dict[str, object] = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": _EPERM, "syscalls": rules}
    if machine in _ARCHITECTURES:
        found["architectures"] = list(_ARCHITECTURES[machine])
    return found


def _when(name: str, *comparisons: tuple[int, int, str]) -> dict[str, object]:
    # Several on one argument are alternatives.
    args = [{"index": index, "value": value, "op": how} for index, value, how in comparisons]
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": args}

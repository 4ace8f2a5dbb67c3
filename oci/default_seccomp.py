"""The system call filter that a container has if nobody says otherwise: what programs need, and not more.

A list of what is allowed; a call that is newer than the list is told not to exist only where programs ask for it
and have another way, and refused else.
"""

from __future__ import annotations

from firkin.oci.runtime_spec.seccomp import Seccomp, Syscall, SyscallArg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ALLOWED", "ARCHITECTURES", "NEW_NAMESPACES", "default_seccomp"]

_FILES = """
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
    fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64
    fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr _llseek
    lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat
    openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr
    rename renameat renameat2 rmdir sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink
    symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
    utimensat_time64 utimes vmsplice write writev
"""
_MEMORY = """
    brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync
    munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages
"""
_PROCESSES = """
    alarm arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32
    getgid getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid
    getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid get_thread_area gettid getuid
    getuid32 ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt
    nanosleep pause pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace
    restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam
    sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval
    sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
    seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
    setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit
    set_robust_list setsid set_thread_area set_tid_address setuid setuid32 sigaltstack signalfd signalfd4
    sigprocmask sigreturn sysinfo tgkill time times tkill ugetrlimit uname vfork wait4 waitid waitpid
"""
_EVENTS = """
    clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
    clock_nanosleep_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 futex futex_time64 futex_waitv io_cancel io_destroy io_getevents io_pgetevents
    io_pgetevents_time64 io_setup io_submit mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
    mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 poll ppoll ppoll_time64
    pselect6 pselect6_time64 select _newselect semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt
    shmget timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
_SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt ipc listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""
_ARM = """
    arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls
"""

ALLOWED = tuple(" ".join((_FILES, _MEMORY, _PROCESSES, _EVENTS, _SOCKETS, _ARM)).split())
"""What every container may call, whatever its capabilities."""

NEW_NAMESPACES = 0x7E020000
"""The CLONE_NEW* flags of clone(2)."""

ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}
"""By the machine of uname(2): the ABIs that its programs may use."""

# What a capability is of no use without.
_BY_CAPABILITY = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
        open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
    """,
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
_ENOSYS, _EPERM = 38, 1
_VSOCK = 40
# personality(2): Linux and its 32-bit form, each with and without UNAME26, and the question which one it is.
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)


def default_seccomp(capabilities: Iterable[str], machine: str) -> Seccomp:
    """The filter for a container with `capabilities` (names such as CAP_SYS_ADMIN) in its bounding set.

    Parameters: `machine` is that of uname(2); on one that is not known, the filter is for the native ABI alone.
    """
    held = set(capabilities)
    rules = [_allow(ALLOWED), *_conditional(has_admin="CAP_SYS_ADMIN" in held)]
    rules += [_allow(tuple(_BY_CAPABILITY[name].split())) for name in sorted(held & _BY_CAPABILITY.keys())]
    return Seccomp(
        default_action="SCMP_ACT_ERRNO",
        default_errno_ret=_EPERM,
        architectures=ARCHITECTURES.get(machine, ()),
        syscalls=tuple(rules),
    )


def _allow(names: tuple[str, ...], *args: SyscallArg) -> Syscall:
    return Syscall(names=names, action="SCMP_ACT_ALLOW", args=args)


def _conditional(*, has_admin: bool) -> Iterator[Syscall]:
    # Two conditions on one argument are alternatives.
    values = [SyscallArg(index=0, value=value, op="SCMP_CMP_EQ") for value in _PERSONALITIES]
    yield _allow(("personality",), *values)
    # A socket to the hypervisor is in no namespace.
    yield _allow(("socket",), SyscallArg(index=0, value=_VSOCK, op="SCMP_CMP_NE"))
    if not has_admin:
        masked = SyscallArg(index=0, value=NEW_NAMESPACES, value_two=0, op="SCMP_CMP_MASKED_EQ")
        yield _allow(("clone",), masked)
        # Its flags lie in memory, where a filter can not look; told that it is missing, libraries use clone(2).
        yield Syscall(names=("clone3",), action="SCMP_ACT_ERRNO", errno_ret=_ENOSYS)

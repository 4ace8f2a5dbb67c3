/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without a C library: each returns the result or -errno. firkin-init has no libc, and
 * a child that shares its parent's memory must not touch the parent's errno.
 *
 * All go through the two functions below, which tests replace at link time.
 */
#ifndef FIRKIN_SYSCALLS_H
#define FIRKIN_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

long sys_call(long number, long a, long b, long c, long d, long e, long f);

/* clone3 onto the stack in `args`; the child calls child(argument), which must not return. */
long sys_clone3_call(void *args, size_t size, void (*child)(void *), void *argument);

#define SYS6(n, a, b, c, d, e, f) \
	sys_call(SYS_##n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS5(n, a, b, c, d, e) SYS6(n, a, b, c, d, e, 0)
#define SYS4(n, a, b, c, d) SYS5(n, a, b, c, d, 0)
#define SYS3(n, a, b, c) SYS4(n, a, b, c, 0)
#define SYS2(n, a, b) SYS3(n, a, b, 0)
#define SYS1(n, a) SYS2(n, a, 0)
#define SYS0(n) SYS1(n, 0)

/* Numbers that are the same on every architecture and newer than some C libraries. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#define sys_close(fd) SYS1(close, fd)
#define sys_read(fd, p, n) SYS3(read, fd, p, n)
#define sys_write(fd, p, n) SYS3(write, fd, p, n)
#define sys_writev(fd, parts, n) SYS3(writev, fd, parts, n)
#define sys_ftruncate(fd, size) SYS2(ftruncate, fd, size)
#define sys_fallocate(fd, mode, from, size) SYS4(fallocate, fd, mode, from, size)
#define sys_openat(dir, path, flags, mode) SYS4(openat, dir, path, flags, mode)
#define sys_openat2(dir, path, how, size) SYS4(openat2, dir, path, how, size)
#define sys_mkdirat(dir, path, mode) SYS3(mkdirat, dir, path, mode)
#define sys_mknodat(dir, path, mode, dev) SYS4(mknodat, dir, path, mode, dev)
#define sys_symlinkat(target, dir, path) SYS3(symlinkat, target, dir, path)
#define sys_unlinkat(dir, path, flags) SYS3(unlinkat, dir, path, flags)
#define sys_renameat2(d1, p1, d2, p2, flags) SYS5(renameat2, d1, p1, d2, p2, flags)
#define sys_readlinkat(dir, path, p, n) SYS4(readlinkat, dir, path, p, n)
#define sys_getdents64(fd, p, n) SYS3(getdents64, fd, p, n)
#define sys_fchownat(dir, path, uid, gid, flags) SYS5(fchownat, dir, path, uid, gid, flags)
#define sys_fchmodat(dir, path, mode) SYS3(fchmodat, dir, path, mode)
#define sys_fchmod(fd, mode) SYS2(fchmod, fd, mode)
#define sys_fchown(fd, uid, gid) SYS3(fchown, fd, uid, gid)
#define sys_utimensat(dir, path, times, flags) SYS4(utimensat, dir, path, times, flags)
#define sys_faccessat2(dir, path, mode, flags) SYS4(faccessat2, dir, path, mode, flags)
#define sys_statx(dir, path, flags, mask, out) SYS5(statx, dir, path, flags, mask, out)
#define sys_fstatfs(fd, out) SYS2(fstatfs, fd, out)
#define sys_flock(fd, op) SYS2(flock, fd, op)
#define sys_fcntl(fd, cmd, arg) SYS3(fcntl, fd, cmd, arg)
#define sys_ioctl(fd, req, arg) SYS3(ioctl, fd, req, arg)
#define sys_dup3(from, to, flags) SYS3(dup3, from, to, flags)
#define sys_close_range(from, to, flags) SYS3(close_range, from, to, flags)
#define sys_memfd_create(name, flags) SYS2(memfd_create, name, flags)
#define sys_pipe2(fds, flags) SYS2(pipe2, fds, flags)
#define sys_lseek(fd, off, whence) SYS3(lseek, fd, off, whence)
#define sys_mmap(addr, n, prot, flags, fd, off) SYS6(mmap, addr, n, prot, flags, fd, off)
#define sys_munmap(addr, n) SYS2(munmap, addr, n)
#define sys_ppoll(fds, n, timeout, mask) SYS5(ppoll, fds, n, timeout, mask, 8)

#define sys_open_tree(dir, path, flags) SYS3(open_tree, dir, path, flags)
#define sys_move_mount(d1, p1, d2, p2, flags) SYS5(move_mount, d1, p1, d2, p2, flags)
#define sys_fsopen(type, flags) SYS2(fsopen, type, flags)
#define sys_fsconfig(fd, cmd, key, value, aux) SYS5(fsconfig, fd, cmd, key, value, aux)
#define sys_fsmount(fd, flags, attrs) SYS3(fsmount, fd, flags, attrs)
#define sys_mount_setattr(dir, path, flags, attr, size) SYS5(mount_setattr, dir, path, flags, attr, size)
#define sys_mount(source, target, type, flags, data) SYS5(mount, source, target, type, flags, data)
#define sys_umount2(path, flags) SYS2(umount2, path, flags)
#define sys_pivot_root(new_root, put_old) SYS2(pivot_root, new_root, put_old)
#define sys_chroot(path) SYS1(chroot, path)
#define sys_chdir(path) SYS1(chdir, path)
#define sys_fchdir(fd) SYS1(fchdir, fd)
#define sys_getcwd(p, n) SYS2(getcwd, p, n)
#define sys_umask(mask) SYS1(umask, mask)

#define sys_setns(fd, types) SYS2(setns, fd, types)
#define sys_unshare(types) SYS1(unshare, types)
#define sys_sethostname(name, n) SYS2(sethostname, name, n)
#define sys_setdomainname(name, n) SYS2(setdomainname, name, n)

#define sys_getpid() SYS0(getpid)
#define sys_geteuid() SYS0(geteuid)
#define sys_getppid() SYS0(getppid)
#define sys_setsid() SYS0(setsid)
#define sys_setgroups(n, list) SYS2(setgroups, n, list)
#define sys_setresgid(r, e, s) SYS3(setresgid, r, e, s)
#define sys_setresuid(r, e, s) SYS3(setresuid, r, e, s)
#define sys_prctl(op, a, b, c, d) SYS5(prctl, op, a, b, c, d)
#define sys_capset(header, data) SYS2(capset, header, data)
#define sys_seccomp(op, flags, arg) SYS3(seccomp, op, flags, arg)
#define sys_prlimit64(pid, resource, new_limit, old) SYS4(prlimit64, pid, resource, new_limit, old)
#define sys_personality(domain) SYS1(personality, domain)
#define sys_set_mempolicy(mode, nodes, n) SYS3(set_mempolicy, mode, nodes, n)
#define sys_sched_setattr(pid, attributes, flags) SYS3(sched_setattr, pid, attributes, flags)
#define sys_sched_setaffinity(pid, n, mask) SYS3(sched_setaffinity, pid, n, mask)
#define sys_sched_getaffinity(pid, n, mask) SYS3(sched_getaffinity, pid, n, mask)
#define sys_ioprio_set(which, who, priority) SYS3(ioprio_set, which, who, priority)
#define sys_futex(word, op, value, timeout) SYS4(futex, word, op, value, timeout)
#define sys_keyctl(op, a) SYS2(keyctl, op, a)
#define sys_clone3(args, size) SYS2(clone3, args, size)
#define sys_execve(path, argv, envp) SYS3(execve, path, argv, envp)
#define sys_execveat(fd, path, argv, envp, flags) SYS5(execveat, fd, path, argv, envp, flags)
#define sys_exit_group(code) SYS1(exit_group, code)
#define sys_pidfd_open(pid, flags) SYS2(pidfd_open, pid, flags)
#define sys_pidfd_send_signal(fd, sig, info, flags) SYS4(pidfd_send_signal, fd, sig, info, flags)
#define sys_waitid(type, id, info, options) SYS5(waitid, type, id, info, options, 0)
#define sys_rt_sigprocmask(how, set, old) SYS4(rt_sigprocmask, how, set, old, 8)
#define sys_rt_sigaction(sig, act, old) SYS4(rt_sigaction, sig, act, old, 8)
#define sys_rt_sigtimedwait(set, info, timeout) SYS4(rt_sigtimedwait, set, info, timeout, 8)
#define sys_signalfd4(fd, set, flags) SYS4(signalfd4, fd, set, 8, flags)
#define sys_clock_gettime(clock, ts) SYS2(clock_gettime, clock, ts)
#define sys_bpf(cmd, attr, size) SYS3(bpf, cmd, attr, size)

#define sys_socket(domain, type, protocol) SYS3(socket, domain, type, protocol)
#define sys_socketpair(domain, type, protocol, fds) SYS4(socketpair, domain, type, protocol, fds)
#define sys_bind(fd, addr, n) SYS3(bind, fd, addr, n)
#define sys_listen(fd, backlog) SYS2(listen, fd, backlog)
#define sys_accept4(fd, addr, n, flags) SYS4(accept4, fd, addr, n, flags)
#define sys_getsockopt(fd, level, name, value, n) SYS5(getsockopt, fd, level, name, value, n)
#define sys_connect(fd, addr, n) SYS3(connect, fd, addr, n)
#define sys_sendmsg(fd, msg, flags) SYS3(sendmsg, fd, msg, flags)
#define sys_recvmsg(fd, msg, flags) SYS3(recvmsg, fd, msg, flags)

#endif

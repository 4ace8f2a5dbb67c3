/* SPDX-License-Identifier: Apache-2.0 */
/* The fake kernel's files and mounts. */
#include "fake_state.h"
#include "syscalls.h"

#include <asm/statfs.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* A path is relative to a descriptor, unless it is absolute. */
static long check_place(long dir, const char *path)
{
	return *path == '/' || dir == AT_FDCWD || fake_is_open(dir) ? 0 : -EBADF;
}

/* Calls with a path first, and calls with a descriptor. */
static long at_path(const long *arg)
{
	long r = check_place(arg[0], fake_text(arg[1]));
	return r ? r : fake_result();
}

static long of_descriptor(const long *arg)
{
	return fake_is_open(arg[0]) ? fake_result() : -EBADF;
}

static long of_text(const long *arg)
{
	fake_text(arg[0]);
	return fake_result();
}

static enum fake_kind kind_of_path(long dir, const char *path)
{
	if (strstr(path, "/stat"))
		return FAKE_STAT;
	if (!strncmp(path, "/proc/", 6) && strstr(path, "/cgroup"))
		return FAKE_CGROUP_LIST;
	if (strstr(path, "ptmx"))
		return FAKE_TERMINAL;
	if (strstr(path, "cgroup"))
		return FAKE_CGROUP;
	return fake_kind_of(dir);
}

static long call_openat(const long *arg)
{
	const char *path = fake_text(arg[1]);
	long r = check_place(arg[0], path);
	return r ? r : fake_open(kind_of_path(arg[0], path), !!(arg[2] & O_CLOEXEC));
}

static long call_openat2(const long *arg)
{
	const struct open_how *how = (void *)arg[2];
	const char *path = fake_text(arg[1]);
	fake_reads(how, (size_t)arg[3]);
	/* Even an absolute path begins at the descriptor: RESOLVE_IN_ROOT. */
	if (!fake_is_open(arg[0]))
		return -EBADF;
	if (!(how->resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)))
		fake_die("openat2 without a root");
	return fake_open(kind_of_path(arg[0], path), !!(how->flags & O_CLOEXEC));
}

static long call_symlinkat(const long *arg)
{
	fake_text(arg[0]);
	return at_path(arg + 1);
}

static long call_renameat2(const long *arg)
{
	long r = check_place(arg[2], fake_text(arg[3]));
	return r ? r : at_path(arg);
}

/* By default there is no link: what a path needs is made. */
static long call_readlinkat(const long *arg)
{
	static const char *const targets[] = { "", "x", "/y/z", "../..", "/", "a/../b", ".", "loop" };
	long r = check_place(arg[0], fake_text(arg[1]));
	uint8_t byte = fake_byte();
	fake_writes((void *)arg[2], (size_t)arg[3]);
	if (r || byte < 128)
		return r ? r : byte < 120 ? -ENOENT : -EINVAL;
	if (byte >= 248) {
		memset((void *)arg[2], 'l', (size_t)arg[3]);
		return arg[3];
	}
	const char *target = targets[byte % 8];
	memcpy((void *)arg[2], target, strlen(target));
	return (long)strlen(target);
}

/* One name at a time, until the script has no more of them. */
static long call_getdents(const long *arg)
{
	static const char *const names[] = { ".", "..", "x", "name" };
	struct {
		uint64_t inode;
		int64_t offset;
		uint16_t size;
		uint8_t type;
		char name[13];
	} entry = { .size = sizeof entry };
	if (!fake_is_open(arg[0]))
		return -EBADF;
	fake_writes((void *)arg[1], (size_t)arg[2]);
	uint8_t byte = fake_byte();
	if (byte < 128)
		return byte < 120 ? 0 : fake_result();
	strcpy(entry.name, names[byte % 4]);
	memcpy((void *)arg[1], &entry, sizeof entry);
	return sizeof entry;
}

static long call_utimensat(const long *arg)
{
	fake_reads((void *)arg[2], 32);
	long r = check_place(arg[0], fake_text(arg[1]));
	return r ? r : fake_result();
}

static long call_statx(const long *arg)
{
	static const uint16_t modes[] = { 0020666, 0040755, 0100755, 0120777, 0010600, 0060600, 0 };
	struct statx *stat = (void *)arg[4];
	long r = check_place(arg[0], fake_text(arg[1]));
	fake_writes(stat, sizeof *stat);
	if (!r)
		r = fake_result();
	if (r)
		return r;
	uint8_t byte = fake_byte();
	memset(stat, 0, sizeof *stat);
	stat->stx_mode = modes[byte % 7];
	stat->stx_uid = byte / 7 % 3;
	stat->stx_rdev_major = byte < 192 ? 1 : byte;
	stat->stx_rdev_minor = byte < 192 ? 3 : byte;
	return 0;
}

static long call_fstatfs(const long *arg)
{
	static const long magics[] = { CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, TMPFS_MAGIC };
	struct statfs *fs = (void *)arg[1];
	fake_writes(fs, sizeof *fs);
	long r = of_descriptor(arg);
	if (r)
		return r;
	uint8_t byte = fake_byte();
	enum fake_kind kind = fake_kind_of(arg[0]);
	memset(fs, 0, sizeof *fs);
	fs->f_type = kind == FAKE_CGROUP ? CGROUP2_SUPER_MAGIC : kind == FAKE_PROC ? PROC_SUPER_MAGIC :
		     kind == FAKE_TERMINAL ? DEVPTS_SUPER_MAGIC : TMPFS_MAGIC;
	if (byte >= 128)
		fs->f_type = magics[byte % 4];
	return 0;
}

static const char *content_of(enum fake_kind kind)
{
	switch (kind) {
	case FAKE_STAT:
		return "4711 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21\n";
	case FAKE_CGROUP_LIST:
		return "3:cpu:/x\n0::/a/b\n";
	case FAKE_CGROUP:
		return "populated 0\nfrozen 0\n";
	case FAKE_CONTEXT:
		return "e tmpfs: Unknown parameter\n";
	default:
		return "x";
	}
}

/* What the file holds, then its end; or bytes of the script. */
static long call_read(const long *arg)
{
	char *to = (void *)arg[1];
	size_t room = (size_t)arg[2], n = 0;
	fake_writes(to, room);
	long r = of_descriptor(arg);
	if (r)
		return r;
	uint8_t byte = fake_byte();
	if (byte >= 128) {
		for (; n < room && n < (size_t)(byte - 127) * 8; n++)
			to[n] = (char)fake_byte();
		return (long)n;
	}
	if (byte == 127) {
		memcpy(to, "populated 1\n", room < 12 ? room : 12);
		return room < 12 ? (long)room : 12;
	}
	if (fake.fds[arg[0]].reads++)
		return 0;
	const char *content = content_of(fake_kind_of(arg[0]));
	n = strlen(content) < room ? strlen(content) : room;
	memcpy(to, content, n);
	return (long)n;
}

static long call_write(const long *arg)
{
	fake_reads((void *)arg[1], (size_t)arg[2]);
	long r = of_descriptor(arg);
	uint8_t byte = r ? 0 : fake_byte();
	return r ? r : byte < 240 ? arg[2] : arg[2] * (byte - 240) / 16;
}

static long call_close(const long *arg)
{
	return fake_close(arg[0]);
}

static long call_fcntl(const long *arg)
{
	if (!fake_is_open(arg[0]))
		return -EBADF;
	if (arg[1] == F_SETFD)
		fake.fds[arg[0]].close_on_exec = arg[2] & FD_CLOEXEC;
	return fake_result();
}

static long call_ioctl(const long *arg)
{
	static const long types[] = { 0x04000000, 0x40000000, 0x20000000, 0x00020000 };
	if (!fake_is_open(arg[0]))
		return -EBADF;
	switch ((unsigned long)arg[1]) {
	case TIOCGPTPEER:
		return fake_open(FAKE_TERMINAL, !!(arg[2] & O_CLOEXEC));
	case TIOCSPTLCK:
		fake_reads((void *)arg[2], sizeof(int));
		return fake_result();
	case TIOCSWINSZ:
		fake_reads((void *)arg[2], sizeof(struct winsize));
		return fake_result();
	case SIOCSIFFLAGS:
		fake_reads((void *)arg[2], sizeof(struct ifreq));
		return fake_result();
	case NS_GET_NSTYPE:
		return types[fake_byte() % 4];
	default:
		return fake_result();
	}
}

static long call_dup3(const long *arg)
{
	if (!fake_is_open(arg[0]) || arg[1] < 0 || arg[1] >= FAKE_DESCRIPTORS)
		return -EBADF;
	long r = fake_result();
	if (!r) {
		fake.fds[arg[1]] = fake.fds[arg[0]];
		fake.fds[arg[1]].close_on_exec = !!(arg[2] & O_CLOEXEC);
	}
	return r ? r : arg[1];
}

static long call_close_range(const long *arg)
{
	/* A process that will not execute anything lets go of all. */
	if (!arg[0] && !arg[2]) {
		memset(fake.fds, 0, sizeof fake.fds);
		return 0;
	}
	if (arg[2] != CLOSE_RANGE_CLOEXEC || arg[0] < 3)
		fake_die("close_range from %ld with flags %lx", arg[0], arg[2]);
	long r = fake_result();
	for (long fd = arg[0]; !r && fd < FAKE_DESCRIPTORS; fd++)
		fake.fds[fd].close_on_exec = 1;
	return r;
}

static long call_memfd_create(const long *arg)
{
	fake_text(arg[0]);
	return fake_open(FAKE_OTHER, !!(arg[1] & MFD_CLOEXEC));
}

static long call_lseek(const long *arg)
{
	long r = of_descriptor(arg);
	return r ? r : arg[2] == 2 ? (long)fake.plan_size : 0;
}

static long call_mmap(const long *arg)
{
	long r = of_descriptor(&arg[4]);
	if (r || !arg[1] || (size_t)arg[1] != fake.plan_size)
		return r ? r : -EINVAL;
	if (!(arg[3] & MAP_PRIVATE) || fake.mapping)
		fake_die("a mapping that is not private, or a second one");
	fake.mapping = malloc(fake.plan_size);
	memcpy(fake.mapping, fake.plan, fake.plan_size);
	return (long)fake.mapping;
}

static long call_munmap(const long *arg)
{
	if ((void *)arg[0] != fake.mapping || (size_t)arg[1] != fake.plan_size)
		fake_die("what is unmapped was not mapped");
	fake_end();
	return 0;
}

static long call_open_tree(const long *arg)
{
	long r = check_place(arg[0], fake_text(arg[1]));
	return r ? r : fake_open(fake_kind_of(arg[0]), !!(arg[2] & OPEN_TREE_CLOEXEC));
}

static long call_move_mount(const long *arg)
{
	long r = check_place(arg[2], fake_text(arg[3]));
	return r ? r : at_path(arg);
}

static long call_fsopen(const long *arg)
{
	int is_proc = !strcmp(fake_text(arg[0]), "proc");
	return fake_open(is_proc ? FAKE_PROC : FAKE_CONTEXT, arg[1] & FSOPEN_CLOEXEC);
}

static long call_fsconfig(const long *arg)
{
	fake_text(arg[2]);
	if (arg[1] == FSCONFIG_SET_STRING)
		fake_text(arg[3]);
	return of_descriptor(arg);
}

static long call_fsmount(const long *arg)
{
	long r = of_descriptor(arg);
	return r ? r : fake_open(fake_kind_of(arg[0]), arg[1] & FSMOUNT_CLOEXEC);
}

static long call_mount_setattr(const long *arg)
{
	fake_reads((void *)arg[3], (size_t)arg[4]);
	return at_path(arg);
}

static long call_mount(const long *arg)
{
	fake_text(arg[0]);
	fake_text(arg[2]);
	fake_text(arg[4]);
	return of_text(&arg[1]);
}

static long call_pivot_root(const long *arg)
{
	fake_text(arg[1]);
	return of_text(arg);
}

static long call_getcwd(const long *arg)
{
	static const char *const places[] = { "/", "(unreachable)/x" };
	fake_writes((void *)arg[0], (size_t)arg[1]);
	long r = fake_result();
	const char *place = places[fake_byte() % 2];
	if (r)
		return r;
	strcpy((void *)arg[0], place);
	return (long)strlen(place) + 1;
}

const struct fake_entry fake_file_calls[] = {
	{ SYS_openat, call_openat }, { SYS_openat2, call_openat2 }, { SYS_close, call_close },
	{ SYS_read, call_read }, { SYS_write, call_write }, { SYS_statx, call_statx },
	{ SYS_mkdirat, at_path }, { SYS_mknodat, at_path }, { SYS_unlinkat, at_path },
	{ SYS_fchownat, at_path }, { SYS_faccessat2, at_path }, { SYS_symlinkat, call_symlinkat },
	{ SYS_renameat2, call_renameat2 }, { SYS_readlinkat, call_readlinkat },
	{ SYS_fchown, of_descriptor }, { SYS_fchmod, of_descriptor }, { SYS_flock, of_descriptor },
	{ SYS_fchmodat, at_path }, { SYS_getdents64, call_getdents }, { SYS_utimensat, call_utimensat },
	{ SYS_fstatfs, call_fstatfs },
	{ SYS_fcntl, call_fcntl }, { SYS_ioctl, call_ioctl }, { SYS_dup3, call_dup3 },
	{ SYS_close_range, call_close_range }, { SYS_memfd_create, call_memfd_create },
	{ SYS_lseek, call_lseek }, { SYS_mmap, call_mmap }, { SYS_munmap, call_munmap },
	{ SYS_open_tree, call_open_tree }, { SYS_move_mount, call_move_mount },
	{ SYS_fsopen, call_fsopen }, { SYS_fsconfig, call_fsconfig }, { SYS_fsmount, call_fsmount },
	{ SYS_mount_setattr, call_mount_setattr }, { SYS_mount, call_mount }, { SYS_umount2, of_text },
	{ SYS_pivot_root, call_pivot_root }, { SYS_chroot, of_text }, { SYS_chdir, of_text },
	{ SYS_fchdir, of_descriptor }, { SYS_getcwd, call_getcwd }, { 0, NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "volume.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#define DETACH 2           /* MNT_DETACH */
#define NOFOLLOW 8         /* UMOUNT_NOFOLLOW */
#define MAX_RACES 128

static long configure(int context, const char *option, const char *value, int noswap)
{
	long r = *value ? sys_fsconfig(context, FSCONFIG_SET_STRING, option, value, 0) : 0;
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "0777", 0);
	if (r >= 0 && noswap)
		r = sys_fsconfig(context, FSCONFIG_SET_FLAG, "noswap", 0, 0);
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	return r;
}

static long make(const char *type, const char *option, const char *value, int noswap)
{
	long context = sys_fsopen(type, FSOPEN_CLOEXEC);
	if (context < 0)
		return context;
	long r = configure((int)context, option, value, noswap);
	if (r >= 0)
		r = sys_fsmount((int)context, FSMOUNT_CLOEXEC, 0);
	sys_close((int)context);
	return r;
}

static int attach(long mount, int target)
{
	if (mount < 0)
		return (int)mount;
	long r = sys_move_mount((int)mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	sys_close((int)mount);
	return (int)r;
}

int volume_tmpfs(int directory, const char *size, int noswap)
{
	long mount = make("tmpfs", "size", size, noswap);
	if (mount == -EINVAL && noswap)
		mount = make("tmpfs", "size", size, 0);
	return attach(mount, directory);
}

int volume_hugetlbfs(int directory, const char *page)
{
	return attach(make("hugetlbfs", "pagesize", page, 0), directory);
}

int volume_bind(int source, int target)
{
	return attach(sys_open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), target);
}

/* Renames elsewhere make the kernel give up a resolution with "..": EAGAIN asks for another try. */
int volume_open(int directory, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = -EAGAIN;
	for (int i = 0; i < MAX_RACES && fd == -EAGAIN; i++)
		fd = sys_openat2(directory, path, &how, sizeof how);
	return (int)fd;
}

int volume_unmount(const char *path)
{
	long r = sys_umount2(path, DETACH | NOFOLLOW);
	return r == -EINVAL || r == -ENOENT ? 0 : (int)r;
}

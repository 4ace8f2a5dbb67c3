/* SPDX-License-Identifier: Apache-2.0 */
#include "shm.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#define DETACH 2           /* MNT_DETACH */
#define NOFOLLOW 8         /* UMOUNT_NOFOLLOW */

static long configure(int context, const char *size)
{
	long r = sys_fsconfig(context, FSCONFIG_SET_STRING, "size", size, 0);
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "1777", 0);
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	return r;
}

int shm_mount(int directory, const char *size)
{
	long context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return (int)context;
	long r = configure((int)context, size);
	long mount = r < 0 ? r :
			     sys_fsmount((int)context, FSMOUNT_CLOEXEC,
					 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	sys_close((int)context);
	if (mount < 0)
		return (int)mount;
	r = sys_move_mount((int)mount, "", directory, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	sys_close((int)mount);
	return (int)r;
}

int shm_unmount(const char *path)
{
	long r = sys_umount2(path, DETACH | NOFOLLOW);
	return r == -EINVAL || r == -ENOENT ? 0 : (int)r;
}

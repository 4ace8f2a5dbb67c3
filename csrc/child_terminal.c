/* SPDX-License-Identifier: Apache-2.0 */
/* The pseudo-terminal comes from the container's own devpts, and its slave from the master. */
#include "channel.h"
#include "child.h"
#include "resolve.h"
#include "syscalls.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>

/* struct winsize, which the C library's header has beside another struct termios than the kernel's */
struct window {
	unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};

static int open_peer(int master)
{
	int locked = 0;
	int r = on_filesystem(master, DEVPTS_SUPER_MAGIC);
	if (r <= 0)
		return r ? r : -ENODEV;
	long e = sys_ioctl(master, TIOCSPTLCK, &locked);
	return e < 0 ? (int)e : (int)sys_ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int bind_console(int root, int peer)
{
	long mount = sys_open_tree(peer, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (mount < 0)
		return (int)mount;
	long target = resolve(root, "/dev/console", RESOLVE_MAKE_FILE, 0644);
	long r = target;
	if (target >= 0) {
		r = sys_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
		sys_close(target);
	}
	sys_close(mount);
	return (int)r;
}

static long end_lines_plainly(int peer)
{
	struct termios settings = { 0 };
	long r = sys_ioctl(peer, TCGETS, &settings);
	settings.c_oflag &= ~(tcflag_t)ONLCR;
	return r < 0 ? r : sys_ioctl(peer, TCSETS, &settings);
}

static int become_terminal(int peer)
{
	long r = 0;
	for (int fd = 0; fd < 3 && r >= 0; fd++)
		r = fd == peer ? 0 : sys_dup3(peer, fd, 0);
	return r < 0 ? (int)r : (int)sys_ioctl(0, TIOCSCTTY, 0);
}

static int set_up(const struct run *run, const struct plan_op *op, int master, int peer)
{
	struct window size = { .ws_row = (unsigned short)op->arg[1], .ws_col = (unsigned short)op->arg[2] };
	struct plan_record record = { .type = PLAN_TERMINAL };
	long r = op->arg[1] ? sys_ioctl(master, TIOCSWINSZ, &size) : 0;
	if (r >= 0 && op->arg[3] & PLAN_TERMINAL_PLAIN)
		r = end_lines_plainly(peer);
	if (r >= 0 && op->arg[3] & PLAN_TERMINAL_BIND)
		r = bind_console(run_slot(run, op->arg[0]), peer);
	if (r >= 0)
		r = channel_send(run->sync, &record, &master, 1);
	return r < 0 ? (int)r : become_terminal(peer);
}

int op_terminal(struct run *run, const struct plan_op *op)
{
	int master = resolve_open(run_slot(run, op->arg[0]), "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0)
		return master;
	int peer = open_peer(master);
	int r = peer < 0 ? peer : set_up(run, op, master, peer);
	if (peer > 2)
		sys_close(peer);
	sys_close(master);
	return r;
}

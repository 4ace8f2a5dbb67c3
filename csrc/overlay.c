/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay.h"
#include "mount_context.h"
#include "resolve.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#define DIRECTORY (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define CLONE_TREE (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW)

/*
 * A detached mount that becomes a layer is cloned only when the superblock is made, and is gone when its descriptor is
 * closed: all stay open until then.
 */
struct layers {
	int fds[OVERLAY_MOST + 2];
	unsigned count;
};

int overlay_map_ids(int tree, int users, int recursive)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)users };
	return (int)sys_mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

static int open_lower(const char *path, int users)
{
	if (users < 0)
		return (int)sys_openat(AT_FDCWD, path, DIRECTORY, 0);
	long tree = sys_open_tree(AT_FDCWD, path, CLONE_TREE);
	int r = tree < 0 ? (int)tree : overlay_map_ids((int)tree, users, 0);
	if (r < 0 && tree >= 0)
		sys_close(tree);
	return r < 0 ? r : (int)tree;
}

/* Takes the descriptor over. */
static int add_layer(struct layers *layers, int context, const char *key, int fd)
{
	if (fd < 0)
		return fd;
	layers->fds[layers->count++] = fd;
	return (int)sys_fsconfig(context, FSCONFIG_SET_FD, key, 0, fd);
}

static int add_layers(struct layers *layers, int context, const struct overlay *overlay)
{
	for (char *const *path = overlay->lower; *path; path++) {
		if (layers->count == OVERLAY_MOST)
			return -E2BIG;
		int r = add_layer(layers, context, "lowerdir+", open_lower(*path, overlay->users));
		if (r < 0)
			return r;
	}
	if (!*overlay->upper)
		return 0;
	int r = add_layer(layers, context, "upperdir", (int)sys_openat(AT_FDCWD, overlay->upper, DIRECTORY, 0));
	if (r < 0)
		return r;
	return add_layer(layers, context, "workdir", (int)sys_openat(AT_FDCWD, overlay->work, DIRECTORY, 0));
}

static long create(int context, const struct overlay *overlay, char *detail, size_t room)
{
	/* What stands for the device in lists of mounts. */
	long r = sys_fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if (r >= 0)
		r = context_set(context, overlay->options);
	if (r >= 0)
		r = sys_fsconfig(context, FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (r >= 0)
		r = sys_fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (r < 0)
		context_message(context, detail, room);
	return r;
}

static long make_mount(const struct overlay *overlay, char *detail, size_t room)
{
	struct layers layers = { .count = 0 };
	long context = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (context < 0)
		return context;
	long r = add_layers(&layers, (int)context, overlay);
	if (r >= 0)
		r = create((int)context, overlay, detail, room);
	for (unsigned i = 0; i < layers.count; i++)
		sys_close(layers.fds[i]);
	sys_close(context);
	return r;
}

static int mount_one_directory(const struct overlay *overlay)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	long tree = sys_open_tree(AT_FDCWD, overlay->lower[0], CLONE_TREE);
	if (tree < 0)
		return (int)tree;
	long r = sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr);
	if (r >= 0 && overlay->users >= 0)
		r = overlay_map_ids((int)tree, overlay->users, 0);
	if (r >= 0)
		return (int)tree;
	sys_close(tree);
	return (int)r;
}

/*
 * Layers by descriptor came with Linux 6.13, detached mounts as layers with 6.15. What is older says that the arguments
 * are wrong; what is wrong with them all the same the second way says, too.
 */
static int is_unknown(long error)
{
	return error == -EINVAL || error == -EOPNOTSUPP;
}

int overlay_mount(const struct overlay *overlay, char *detail, size_t room)
{
	if (!overlay->lower[0])
		return -EINVAL;
	if (!overlay->lower[1] && !*overlay->upper)
		return mount_one_directory(overlay);
	long mount = make_mount(overlay, detail, room);
	return is_unknown(mount) ? overlay_mount_private(overlay) : (int)mount;
}

int overlay_subtree(int tree, const char *path)
{
	int place = resolve_open(tree, path, O_PATH);
	if (place < 0)
		return place;
	long found = sys_open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	sys_close(place);
	/* A detached mount can be cloned since Linux 6.15. */
	return found == -EINVAL ? overlay_subtree_private(tree, path) : (int)found;
}

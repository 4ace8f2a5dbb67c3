/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlay mounts that are never attached anywhere: what is made here is a descriptor, and is gone when nobody holds it.
 * Source: Documentation/filesystems/overlayfs.rst, Documentation/filesystems/idmappings.rst.
 */
#ifndef FIRKIN_OVERLAY_H
#define FIRKIN_OVERLAY_H

#include "plan_access.h"

#include <stddef.h>

#define OVERLAY_MOST 500 /* lower directories, as the kernel has it */

struct overlay {
	char *const *lower;        /* directories by path, the uppermost first; 0 ends them */
	const char *upper, *work;  /* "" for an overlay that can't be written to */
	struct plan_bytes options; /* pairs of texts, as context_set() takes them */
	int users;                 /* the user namespace whose ids those of the lower directories become; -1: none */
};

/*
 * A detached mount or -errno; then `detail` may have the kernel's words. One lower directory without an upper one
 * becomes a read-only mount of its own, as overlayfs asks for two.
 */
int overlay_mount(const struct overlay *overlay, char *detail, size_t room);

/* A detached mount of what `path` names inside of the detached mount `tree`, where links can't lead out; or -errno. */
int overlay_subtree(int tree, const char *path);

/* For kernels that do not take all this without a mount namespace to do it in: see overlay_private.c. */
int overlay_mount_private(const struct overlay *overlay);
int overlay_subtree_private(int tree, const char *path);

/* Gives the files of a detached mount, and of those below it, the ids of a user namespace: 0 or -errno. */
int overlay_map_ids(int tree, int users, int recursive);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces that nobody lives in: what the ids of a mount are mapped by (mount_setattr(2), MOUNT_ATTR_IDMAP). */
#ifndef FIRKIN_USERS_H
#define FIRKIN_USERS_H

#include "plan_access.h"

/* A descriptor of a new one with these maps, in the form of /proc/PID/uid_map; or -errno. */
int users_open(struct plan_bytes uid_map, struct plan_bytes gid_map);

#endif

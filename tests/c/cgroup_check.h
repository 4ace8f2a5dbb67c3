/* SPDX-License-Identifier: Apache-2.0 */
/* A cgroup of the test's own; a test that asks for it is skipped where there can be none. */
#ifndef FIRKIN_CGROUP_CHECK_H
#define FIRKIN_CGROUP_CHECK_H

/* The mount of the hierarchy, the cgroup's name below it, and its path. */
const char *find_cgroups(void);
const char *cgroup_name(void);
const char *cgroup_path(void);

void remove_cgroup(void);

#endif

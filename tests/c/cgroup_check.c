/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_check.h"
#include "check.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *find_cgroups(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	check_needs_root();
	for (size_t i = 0; i < 2; i++) {
		struct statfs fs;
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC && !access(places[i], W_OK))
			return places[i];
	}
	check_skip("needs a writable cgroup v2 hierarchy");
}

const char *cgroup_name(void)
{
	static char name[64];
	snprintf(name, sizeof name, "firkin-test-%d", getpid());
	return name;
}

const char *cgroup_path(void)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", find_cgroups(), cgroup_name());
	return path;
}

void remove_cgroup(void)
{
	rmdir(cgroup_path());
}

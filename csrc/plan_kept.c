/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_kept.h"
#include "cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t kept_name(const void *key, size_t size)
{
	const unsigned char *at = key;
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

static int capabilities(char *to, size_t room)
{
	char status[4096];
	int r = cgroup_read(AT_FDCWD, "/proc/self/status", status, sizeof status);
	const char *line = r < 0 ? 0 : strstr(status, "\nCapPrm:");
	if (!line)
		return r < 0 ? r : -ENOENT;
	snprintf(to, room, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	return 0;
}

int kept_facts(char *to, size_t room)
{
	char boot[64], permitted[64], controllers[512], path[64];
	const char *mount = cgroup_mount();
	if (!mount)
		return -ENOENT;
	snprintf(path, sizeof path, "%s/cgroup.controllers", mount);
	/* Of one boot there is one kernel with its security modules. */
	int r = cgroup_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	if (r == 0)
		r = capabilities(permitted, sizeof permitted);
	if (r == 0)
		r = cgroup_read(AT_FDCWD, path, controllers, sizeof controllers);
	if (r < 0)
		return r;
	int n = snprintf(to, room, "%s%s\n%s\n%s%u\n", boot, permitted, mount, controllers, getuid());
	return n < (int)room ? n : -ENAMETOOLONG;
}

/* Whether the file of a line is what it was. */
static int is_unchanged(const char *line, size_t length)
{
	unsigned long long device, inode, size, time;
	struct stat status;
	char text[4096];
	int path = 0;
	if (length >= sizeof text)
		return 0;
	memcpy(text, line, length);
	text[length] = 0;
	if (sscanf(text, "%llu %llu %llu %llu %n", &device, &inode, &size, &time, &path) != 4 || !path)
		return 0;
	if (stat(text + path, &status))
		return 0;
	unsigned long long changed = (unsigned long long)status.st_mtim.tv_sec * 1000000000 + (unsigned long)status.st_mtim.tv_nsec;
	return status.st_dev == device && status.st_ino == inode && (unsigned long long)status.st_size == size &&
	       changed == time;
}

static int are_unchanged(const char *files, size_t size)
{
	while (size) {
		const char *end = memchr(files, '\n', size);
		if (!end || !is_unchanged(files, (size_t)(end - files)))
			return 0;
		size -= (size_t)(end + 1 - files);
		files = end + 1;
	}
	return 1;
}

static int is_same(const struct kept_plan *kept, const void *key, size_t size)
{
	const struct kept_header *header = kept->header;
	const char *facts = (const char *)(header + 1), *files = facts + header->facts;
	char now[1024];
	uint64_t total = sizeof *header + (uint64_t)header->facts + header->files + header->key;
	if (memcmp(header->magic, KEPT_MAGIC, sizeof header->magic) || total > kept->map_size || header->key != size)
		return 0;
	if (memcmp(files + header->files, key, size) || !are_unchanged(files, header->files))
		return 0;
	int n = kept_facts(now, sizeof now);
	return n >= 0 && (uint32_t)n == header->facts && !memcmp(facts, now, header->facts);
}

/* Behind all else, at a multiple of 8, up to the end of the file. */
static int find_plan(struct kept_plan *kept)
{
	const struct kept_header *header = kept->header;
	size_t at = (sizeof *header + header->facts + header->files + header->key + 7) & ~(size_t)7;
	if (at > kept->map_size || kept->map_size - at != header->plan)
		return -EINVAL;
	kept->plan = (char *)kept->map + at;
	kept->size = header->plan;
	return 0;
}

static int map_file(struct kept_plan *kept, const char *path)
{
	struct stat status;
	int r = 0, fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status))
		r = -errno;
	else if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 022)
		r = -EPERM;
	else if (status.st_size < (off_t)sizeof *kept->header)
		r = -ENOENT;
	if (r == 0) {
		kept->map_size = (size_t)status.st_size;
		kept->map = mmap(0, kept->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		r = kept->map == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (r < 0)
		kept->map = 0;
	kept->header = kept->map;
	return r;
}

int kept_open(struct kept_plan *kept, const char *directory, const void *key, size_t size)
{
	char path[4200];
	*kept = (struct kept_plan){ 0 };
	snprintf(path, sizeof path, "%s/plan-%016llx", directory, (unsigned long long)kept_name(key, size));
	int r = map_file(kept, path);
	if (r == 0 && !is_same(kept, key, size))
		r = -ESTALE;
	if (r == 0)
		r = find_plan(kept);
	if (r < 0)
		kept_close(kept);
	return r;
}

void kept_close(struct kept_plan *kept)
{
	if (kept->map)
		munmap(kept->map, kept->map_size);
	kept->map = 0;
}

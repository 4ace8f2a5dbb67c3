/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup_files.h"
#include "files.h"
#include "syscalls.h"
#include "text.h"

#include <asm/statfs.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>

int cgroup_read(int dir, const char *file, char *to, size_t room)
{
	long fd = sys_openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	long n = sys_read(fd, to, room - 1);
	sys_close(fd);
	to[n < 0 ? 0 : n] = 0;
	return n < 0 ? (int)n : 0;
}

int cgroup_write(int dir, const char *file, const char *data, size_t size)
{
	long fd = sys_openat(dir, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	return file_write_once(fd, data, (uint32_t)size);
}

int64_t cgroup_value(const char *text, const char *key)
{
	size_t length = text_length(key);
	while (*text) {
		size_t i = 0;
		while (i < length && text[i] == key[i])
			i++;
		if (i == length && text[i] == ' ')
			return text_number(text + i + 1);
		while (*text && *text != '\n')
			text++;
		text += *text == '\n';
	}
	return -1;
}

int cgroup_populated(int dir)
{
	char events[256];
	int r = cgroup_read(dir, "cgroup.events", events, sizeof events);
	return r < 0 ? r : cgroup_value(events, "populated") == 1;
}

int cgroup_kill(int dir)
{
	return cgroup_write(dir, "cgroup.kill", "1", 1);
}

/* cgroup.events changes wake a poll for POLLPRI; a read arms it again. */
int cgroup_wait_empty(int dir)
{
	char events[256];
	long fd = sys_openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	long r = 0;
	while (r >= 0) {
		struct pollfd p = { (int)fd, POLLPRI, 0 };
		sys_lseek(fd, 0, 0);
		r = sys_read(fd, events, sizeof events - 1);
		events[r < 0 ? 0 : r] = 0;
		if (r < 0 || cgroup_value(events, "populated") != 1)
			break;
		r = sys_ppoll(&p, 1, 0, 0);
		if (r == -EINTR)
			r = 0;
	}
	sys_close(fd);
	return r < 0 ? (int)r : 0;
}

static int is_cgroup2(const char *path)
{
	struct statfs fs = { 0 };
	long fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	long r = sys_fstatfs(fd, &fs);
	sys_close(fd);
	return r >= 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

const char *cgroup_mount(void)
{
	static const char *const usual[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	for (int i = 0; i < 2; i++)
		if (is_cgroup2(usual[i]))
			return usual[i];
	return 0;
}

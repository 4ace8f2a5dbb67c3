/* SPDX-License-Identifier: Apache-2.0 */
#include "open_files.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#define ROOM 4096
#define PATH_ROOM 40
#define SOCKET "socket:"

/* The begin of a record of getdents64(2); the name follows. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/*
 * Only the text of the link is looked at, "socket:[4711]": to follow it may mean to ask a file system that does not
 * answer. Files have paths, which begin with a slash.
 */
static int is_socket(int directory, const char *name)
{
	char target[sizeof SOCKET] = "";
	sys_readlinkat(directory, name, target, sizeof target - 1);
	return text_equal(target, SOCKET);
}

static void count_entries(int directory, const char *data, long size, struct open_files *counts)
{
	for (long at = 0; at < size;) {
		const struct entry *entry = (const struct entry *)(data + at);
		at += entry->size;
		if (*entry->name == '.')
			continue;
		counts->descriptors++;
		counts->sockets += (uint64_t)is_socket(directory, entry->name);
	}
}

static int count_process(uint64_t pid, struct open_files *counts)
{
	char path[PATH_ROOM];
	text_copy(path, sizeof path, "/proc/");
	text_append_number(path, sizeof path, pid);
	text_append(path, sizeof path, "/fd");
	long fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long n = fd;
	if (fd >= 0) {
		_Alignas(struct entry) char data[ROOM];
		counts->processes++;
		while ((n = sys_getdents64((int)fd, data, sizeof data)) > 0)
			count_entries((int)fd, data, n, counts);
		sys_close((int)fd);
	}
	return n == -ENOENT || n == -ESRCH ? 0 : (int)n;
}

int open_files_count(int list, struct open_files *counts)
{
	char data[ROOM];
	uint64_t pid = 0;
	for (;;) {
		long n = sys_read(list, data, sizeof data);
		if (n <= 0)
			return (int)n;
		for (long i = 0; i < n; i++) {
			if (data[i] != '\n') {
				pid = pid * 10 + (uint64_t)(data[i] - '0');
				continue;
			}
			int r = count_process(pid, counts);
			if (r < 0)
				return r;
			pid = 0;
		}
	}
}

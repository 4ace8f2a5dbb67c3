/* SPDX-License-Identifier: Apache-2.0 */
/* `firkin delete`: processes, cgroup, record, in an order that can be resumed at any point (runtime/delete.py). */
#include "cgroup_files.h"
#include "front.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What only the interpreter removes: a scope of systemd, the files of an image; and hooks are its to run. */
static int is_plain(const struct front_record *record)
{
	struct front_json value;
	return !front_json_member(record->state, "unit", &value) && !front_json_member(record->state, "holding", &value) &&
	       front_record_mentions(record, "\"poststop\"") == 0;
}

static int may_be_deleted(const struct front_record *record)
{
	int status = front_record_status(record);
	return status == FRONT_STOPPED || status == FRONT_CREATED || status == FRONT_CREATING;
}

static int wait_end(int pidfd)
{
	struct pollfd p = { pidfd, POLLIN, 0 };
	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return FRONT_PYTHON;
	return 0;
}

static int stop(const struct front_record *record)
{
	if (record->pidfd < 0)
		return 0;
	if (syscall(SYS_pidfd_send_signal, record->pidfd, SIGKILL, 0, 0))
		return errno == ESRCH ? 0 : FRONT_PYTHON;
	return wait_end(record->pidfd);
}

/* Those of an open directory, from the first on; 0 if they can't be had. */
static DIR *entries_of(int directory)
{
	int fd = openat(directory, ".", DIRECTORY);
	DIR *entries = fd < 0 ? 0 : fdopendir(fd);
	if (!entries && fd >= 0)
		close(fd);
	return entries;
}

/* Removes the cgroups below one, deepest first. */
static int remove_below(int cgroup)
{
	int r = 0;
	DIR *entries = entries_of(cgroup);
	if (!entries)
		return FRONT_PYTHON;
	for (struct dirent *entry; r == 0 && (entry = readdir(entries));) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		int child = openat(cgroup, entry->d_name, DIRECTORY);
		r = child < 0 ? FRONT_PYTHON : remove_below(child);
		if (child >= 0)
			close(child);
		if (r == 0 && unlinkat(cgroup, entry->d_name, AT_REMOVEDIR))
			r = FRONT_PYTHON;
	}
	closedir(entries);
	return r;
}

static int empty_cgroup(int cgroup)
{
	int populated = cgroup_populated(cgroup);
	if (populated < 0 || (populated && cgroup_kill(cgroup) < 0))
		return FRONT_PYTHON;
	if (populated && cgroup_wait_empty(cgroup) < 0)
		return FRONT_PYTHON;
	return remove_below(cgroup);
}

static int remove_cgroup(const struct front_record *record)
{
	char path[4200];
	struct front_json value;
	if (!front_json_member(record->state, "cgroup", &value))
		return 0;
	if (front_record_cgroup(record, path, sizeof path))
		return FRONT_PYTHON;
	int fd = open(path, DIRECTORY);
	if (fd < 0)
		return errno == ENOENT ? 0 : FRONT_PYTHON;
	int r = empty_cgroup(fd);
	close(fd);
	return r == 0 && rmdir(path) && errno != ENOENT ? FRONT_PYTHON : r;
}

static int remove_record(const struct front_record *record, const struct front_words *words)
{
	int r = 0;
	DIR *entries = entries_of(record->fd);
	if (!entries)
		return FRONT_PYTHON;
	for (struct dirent *entry; r == 0 && (entry = readdir(entries));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && unlinkat(record->fd, entry->d_name, 0))
			r = FRONT_PYTHON;
	closedir(entries);
	int fd = r ? -1 : open(words->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return FRONT_PYTHON;
	r = unlinkat(fd, words->id, AT_REMOVEDIR) ? FRONT_PYTHON : 0;
	close(fd);
	return r;
}

int front_delete(const struct front_words *words)
{
	struct front_record record;
	int r = front_record_open(&record, words, 1);
	if (r == 0 && (!is_plain(&record) || (!words->force && !may_be_deleted(&record))))
		r = FRONT_PYTHON;
	if (r == 0)
		r = stop(&record);
	if (r == 0)
		r = remove_cgroup(&record);
	if (r == 0)
		r = remove_record(&record, words);
	front_record_close(&record);
	return r;
}

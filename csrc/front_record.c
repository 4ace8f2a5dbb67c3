/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a container, and what the kernel says of its process (runtime/store.py has the rules). */
#include "cgroup_files.h"
#include "front.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define LARGEST (16u << 20)

/* The text of a file, to be freed; 0 if it can't be had, with errno. */
static char *read_text(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	char *text = 0;
	if (fd < 0)
		return 0;
	if (!fstat(fd, &status) && status.st_size < LARGEST)
		text = malloc((size_t)status.st_size + 1);
	ssize_t n = text ? read(fd, text, (size_t)status.st_size) : -1;
	close(fd);
	if (n >= 0 && n == status.st_size) {
		text[n] = 0;
		return text;
	}
	free(text);
	errno = EIO;
	return 0;
}

static int open_process(int pid, int64_t started)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { pidfd, POLLIN, 0 };
	if (pidfd < 0)
		return -1;
	if (!poll(&ended, 1, 0) && process_start_time(pid) == started)
		return pidfd;
	close(pidfd);
	return -1;
}

static int read_state(struct front_record *record)
{
	struct front_json pid, started;
	record->state = read_text(record->fd, "state.json");
	if (!record->state && errno == ENOENT)
		record->state = strdup("{}");
	if (!record->state || record->state[0] != '{')
		return FRONT_PYTHON;
	if (!front_json_member(record->state, "pid", &pid))
		return 0;
	int64_t number = front_json_number(pid);
	if (number <= 0 || number > INT32_MAX || !front_json_member(record->state, "startTime", &started))
		return FRONT_PYTHON;
	record->pid = (int)number;
	record->pidfd = open_process(record->pid, front_json_number(started));
	return 0;
}

int front_record_open(struct front_record *record, const struct front_words *words, int lock)
{
	struct stat status;
	int root = open(words->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*record = (struct front_record){ .fd = -1, .pidfd = -1 };
	if (root < 0)
		return FRONT_PYTHON;
	record->fd = openat(root, words->id, DIRECTORY);
	close(root);
	if (record->fd < 0)
		return FRONT_PYTHON;
	if (lock && (flock(record->fd, LOCK_EX) || fstat(record->fd, &status) || !status.st_nlink))
		return FRONT_PYTHON;
	return read_state(record);
}

void front_record_close(struct front_record *record)
{
	if (record->pidfd >= 0)
		close(record->pidfd);
	if (record->fd >= 0)
		close(record->fd);
	free(record->state);
}

int front_record_cgroup(const struct front_record *record, char *path, size_t room)
{
	const char *mount = cgroup_mount();
	char below[4096];
	struct front_json value;
	if (!front_json_member(record->state, "cgroup", &value) || front_json_text(value, below, sizeof below) || !*below)
		return FRONT_PYTHON;
	return mount && snprintf(path, room, "%s/%s", mount, below) < (int)room ? 0 : FRONT_PYTHON;
}

/* 1, 0 or FRONT_PYTHON. */
static int is_frozen(const struct front_record *record)
{
	char path[4200], events[256];
	if (front_record_cgroup(record, path, sizeof path))
		return FRONT_PYTHON;
	int fd = open(path, DIRECTORY);
	if (fd < 0)
		return errno == ENOENT ? 0 : FRONT_PYTHON;
	int r = cgroup_read(fd, "cgroup.events", events, sizeof events);
	close(fd);
	return r < 0 ? FRONT_PYTHON : cgroup_value(events, "frozen") == 1;
}

/* Who waits for `start` holds the reading end of the fifo. */
static int is_waiting(const struct front_record *record)
{
	int fd = openat(record->fd, "start", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENXIO || errno == ENOENT ? 0 : FRONT_PYTHON;
	close(fd);
	return 1;
}

static int is_locked(const struct front_record *record)
{
	int fd = openat(record->fd, ".", DIRECTORY);
	if (fd < 0)
		return FRONT_PYTHON;
	int r = flock(fd, LOCK_SH | LOCK_NB) ? errno == EWOULDBLOCK ? 1 : FRONT_PYTHON : 0;
	close(fd);
	return r;
}

int front_record_status(const struct front_record *record)
{
	int r;
	if (record->pidfd < 0) {
		r = record->pid ? 0 : is_locked(record);
		return r < 0 ? r : r ? FRONT_CREATING : FRONT_STOPPED;
	}
	r = is_frozen(record);
	if (r)
		return r < 0 ? r : FRONT_PAUSED;
	r = is_waiting(record);
	return r < 0 ? r : r ? FRONT_CREATED : FRONT_RUNNING;
}

int front_record_mentions(const struct front_record *record, const char *text)
{
	char *config = read_text(record->fd, "config.json");
	if (!config)
		return errno == ENOENT ? 0 : FRONT_PYTHON;
	int found = strstr(config, text) != 0;
	free(config);
	return found;
}

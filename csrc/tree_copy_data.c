/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_copy_internal.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BUFFER (128 * 1024)

static int write_all(int to, const char *data, size_t size, off_t offset)
{
	while (size) {
		ssize_t n = pwrite(to, data, size, offset);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
			offset += n;
		}
	}
	return 0;
}

/* For file systems that copy_file_range(2) does not go between. */
static int copy_by_hand(int from, int to, off_t offset, off_t end)
{
	char buffer[BUFFER];
	while (offset < end) {
		size_t want = end - offset < BUFFER ? (size_t)(end - offset) : BUFFER;
		ssize_t n = pread(from, buffer, want, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		int r = write_all(to, buffer, (size_t)n, offset);
		if (r < 0)
			return r;
		offset += n;
	}
	return 0;
}

static int is_refused(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EPERM;
}

static int copy_range(int from, int to, off_t offset, off_t end)
{
	off_t at = offset, there = offset;
	while (at < end) {
		ssize_t n = copy_file_range(from, &at, to, &there, (size_t)(end - at), 0);
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		/* Some file systems say 0 for what they can't do. */
		return n == 0 || is_refused(errno) ? copy_by_hand(from, to, at, end) : -errno;
	}
	return 0;
}

/* Where the data begins at `offset` or behind it, and its end: 1, or 0 for none. A file system without holes says all. */
static int next_data(int from, off_t size, off_t *offset, off_t *end)
{
	off_t data = lseek(from, *offset, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		return 0;
	*offset = data < 0 ? *offset : data;
	off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
	*end = hole < 0 || hole > size ? size : hole;
	return *offset < *end;
}

int copy_data(int from, int to, off_t size, int *can_share)
{
	if (*can_share) {
		if (!ioctl(to, FICLONE, from))
			return 0;
		*can_share = 0;
	}
	if (ftruncate(to, size) < 0)
		return -errno;
	off_t end;
	for (off_t offset = 0; next_data(from, size, &offset, &end); offset = end) {
		int r = copy_range(from, to, offset, end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "layer_internal.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int layer_fail(struct layer *layer, int error, const char *reason)
{
	layer->result->reason = reason;
	return error;
}

/* Removes what is superfluous from a path; one that leads upwards is refused. */
static int clean_path(struct layer *layer, const char *from, char *to)
{
	size_t n = 0;
	while (*from) {
		size_t length = strcspn(from, "/");
		if (length == 2 && !memcmp(from, "..", 2))
			return layer_fail(layer, -EXDEV, "leads out of the root file system");
		if (length > 255)
			return -ENAMETOOLONG;
		if (length && !(length == 1 && *from == '.')) {
			if (n)
				to[n++] = '/';
			memcpy(to + n, from, length);
			n += length;
		}
		from += length + (from[length] == '/');
	}
	to[n] = 0;
	return 0;
}

static int write_piece(struct layer *layer, int fd, int64_t offset, int64_t size)
{
	while (size) {
		const char *data;
		int64_t n = tar_data(&layer->tar, &data, size);
		if (n <= 0)
			return n ? (int)n : layer_fail(layer, -EBADMSG, "the archive ends inside of a file");
		for (int64_t done = 0; done < n;) {
			ssize_t written = pwrite(fd, data + done, (size_t)(n - done), offset + done);
			if (written < 0 && errno != EINTR)
				return -errno;
			done += written > 0 ? written : 0;
		}
		offset += n;
		size -= n;
	}
	return 0;
}

static int write_data(struct layer *layer, int fd)
{
	struct tar_entry *entry = &layer->entry;
	if (!entry->pieces)
		return write_piece(layer, fd, 0, entry->size);
	if (ftruncate(fd, entry->size) < 0)
		return -errno;
	int r = 0;
	for (unsigned i = 0; i < entry->piece_count && r >= 0; i++)
		r = write_piece(layer, fd, entry->pieces[i].offset, entry->pieces[i].size);
	return r;
}

static int make_file(struct layer *layer)
{
	int fd = openat(layer->parent, layer->base, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
			layer->entry.mode & 0777);
	if (fd < 0)
		return -errno;
	int r = write_data(layer, fd);
	if (r >= 0)
		r = layer_set_metadata(layer, fd);
	close(fd);
	return r;
}

static int make_link(struct layer *layer)
{
	char target[TAR_PATH];
	const char *base;
	int r = clean_path(layer, layer->entry.link, target);
	if (r < 0)
		return r;
	char *slash = strrchr(target, '/');
	base = slash ? slash + 1 : target;
	if (slash)
		*slash = 0;
	int fd = resolve_open(layer->root, slash ? target : ".", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return layer_fail(layer, fd, "a hard link to what is not in the layer");
	/* A link to a symbolic link is one to that itself. */
	r = linkat(fd, base, layer->parent, layer->base, 0) < 0 ? -errno : 0;
	close(fd);
	return r == -ENOENT ? layer_fail(layer, r, "a hard link to what is not in the layer") : r;
}

static int make_device(struct layer *layer, mode_t kind)
{
	struct tar_entry *entry = &layer->entry;
	if (entry->major < 0 || entry->major >= 1 << 12 || entry->minor < 0 || entry->minor >= 1 << 20)
		return layer_fail(layer, -ERANGE, "a device number is out of range");
	if (kind == S_IFCHR && !entry->major && !entry->minor)
		return layer_fail(layer, -EINVAL, "a device that overlayfs takes for a whiteout");
	dev_t device = kind == S_IFIFO ? 0 : makedev((unsigned)entry->major, (unsigned)entry->minor);
	if (mknodat(layer->parent, layer->base, kind | (entry->mode & 0777), device) < 0)
		return -errno;
	return layer_set_metadata(layer, -1);
}

static int make_directory(struct layer *layer)
{
	struct timespec time = { layer->entry.mtime, layer->entry.mtime_ns };
	struct stat there;
	if (mkdirat(layer->parent, layer->base, layer->entry.mode & 0777) < 0) {
		if (errno != EEXIST || fstatat(layer->parent, layer->base, &there, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		if (!S_ISDIR(there.st_mode))
			return -EEXIST;
	}
	int fd = openat(layer->parent, layer->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = layer_set_metadata(layer, fd);
	if (r >= 0)
		return layer_enter(layer, fd, strlen(layer->path), &time);
	close(fd);
	return r;
}

static int make(struct layer *layer)
{
	switch (layer->entry.type) {
	case '0':
		return make_file(layer);
	case '1':
		return make_link(layer);
	case '2':
		if (symlinkat(layer->entry.link, layer->parent, layer->base) < 0)
			return -errno;
		return layer_set_metadata(layer, -1);
	case '3':
		return make_device(layer, S_IFCHR);
	case '4':
		return make_device(layer, S_IFBLK);
	case '5':
		return make_directory(layer);
	case '6':
		layer->entry.major = layer->entry.minor = 0;
		return make_device(layer, S_IFIFO);
	}
	return layer_fail(layer, -EINVAL, "is of a type that is unknown");
}

/* What is there already, from this layer or a lower one, gives way. */
static int make_anew(struct layer *layer)
{
	int r = make(layer);
	if (r != -EEXIST)
		return r;
	int was_whiteout = layer_is_white(layer, layer->parent, layer->base);
	r = layer_remove(layer->parent, layer->base);
	if (r >= 0)
		r = make(layer);
	return r >= 0 && was_whiteout && layer->entry.type == '5' ? layer_make_opaque(layer->parent, layer->base) : r;
}

static int apply_root(struct layer *layer)
{
	if (layer->entry.type != '5')
		return layer_fail(layer, -EINVAL, "the root is no directory");
	layer->open[0].time = (struct timespec){ layer->entry.mtime, layer->entry.mtime_ns };
	return layer_set_metadata(layer, layer->open[0].fd);
}

static int count(struct layer *layer)
{
	struct layer_result *result = layer->result;
	if (++result->entries > layer->limits->entries)
		return layer_fail(layer, -E2BIG, "the layer has more entries than are allowed");
	if (layer->entry.size > (int64_t)(layer->limits->bytes - result->bytes))
		return layer_fail(layer, -EFBIG, "the layer has more bytes than are allowed");
	result->bytes += (uint64_t)layer->entry.size;
	return 0;
}

static int apply_entry(struct layer *layer)
{
	int r = clean_path(layer, layer->entry.name, layer->path);
	layer->inode = 0;
	if (r >= 0)
		r = count(layer);
	if (r < 0)
		return r;
	if (!*layer->path)
		return apply_root(layer);
	r = layer_open_parent(layer);
	if (r < 0)
		return r;
	if (layer_is_whiteout(layer->base))
		return layer_white_out(layer);
	r = make_anew(layer);
	return r < 0 ? r : layer_note_made(layer);
}

static int apply_all(struct layer *layer)
{
	for (;;) {
		int r = tar_next(&layer->tar, &layer->entry);
		if (r < 0)
			layer->entry.name[0] = 0;
		if (r > 0)
			r = apply_entry(layer);
		else if (!r)
			return layer_leave_all(layer);
		if (r < 0)
			return r;
	}
}

int layer_apply(tar_source *source, void *data, int root, enum layer_whiteouts whiteouts,
		const struct layer_limits *limits, struct layer_result *result)
{
	struct layer *layer = calloc(1, sizeof *layer);
	if (!layer)
		return -ENOMEM;
	layer->root = root;
	layer->whiteouts = whiteouts;
	layer->limits = limits;
	layer->result = result;
	umask(0);
	tar_open(&layer->tar, source, data);
	int r = layer_enter(layer, resolve_open(root, ".", O_RDONLY | O_DIRECTORY), 0, 0);
	if (r >= 0)
		r = apply_all(layer);
	if (r < 0) {
		memcpy(result->name, layer->entry.name, sizeof result->name);
		if (layer->tar.problem)
			result->reason = layer->tar.problem;
	} else {
		r = tar_drain(&layer->tar);
	}
	layer_forget_all(layer);
	tar_close(&layer->tar);
	free(layer->entry.pieces);
	free(layer->made);
	free(layer);
	return r;
}

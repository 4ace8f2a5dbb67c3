/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_zero(const void *block)
{
	const char *s = block;
	return !s[0] && !memcmp(s, s + 1, TAR_BLOCK - 1);
}

static int is_checked(const struct header *header)
{
	const unsigned char *s = (const void *)header;
	int64_t told, sum = 0, old_sum = 0;
	if (tar_parse_number(header->checksum, sizeof header->checksum, &told) < 0)
		return 0;
	for (size_t i = 0; i < sizeof *header; i++) {
		int in_sum = i - offsetof(struct header, checksum) < sizeof header->checksum;
		sum += in_sum ? ' ' : s[i];
		/* Some old programs added signed characters. */
		old_sum += in_sum ? ' ' : (signed char)s[i];
	}
	return told == sum || told == old_sum;
}

/* GNU has other things in the place of the prefix. */
static int is_posix(const struct header *header)
{
	return !memcmp(header->magic, "ustar\0" "00", 8);
}

static int copy_text(struct tar *tar, char *to, const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	if (length >= TAR_PATH)
		return tar_wrong(tar, "a name is longer than 4095 bytes");
	memcpy(to, text, length);
	to[length] = 0;
	return 0;
}

static int take_name(struct tar *tar, struct tar_entry *entry, const struct header *header, const struct overrides *o)
{
	const char *path = o->sparse_name ? o->sparse_name : o->path;
	if (path)
		return copy_text(tar, entry->name, path, strlen(path));
	size_t length = 0;
	if (is_posix(header) && header->prefix[0]) {
		length = strnlen(header->prefix, sizeof header->prefix);
		memcpy(entry->name, header->prefix, length);
		entry->name[length++] = '/';
	}
	return copy_text(tar, entry->name + length, header->name, sizeof header->name);
}

static int take_link(struct tar *tar, struct tar_entry *entry, const struct header *header, const struct overrides *o)
{
	if (o->link)
		return copy_text(tar, entry->link, o->link, strlen(o->link));
	return copy_text(tar, entry->link, header->link, sizeof header->link);
}

static int take_numbers(struct tar *tar, struct tar_entry *entry, const struct header *header, const struct overrides *o)
{
	int64_t mode;
	if (tar_parse_number(header->mode, sizeof header->mode, &mode) < 0 ||
	    tar_parse_number(header->uid, sizeof header->uid, &entry->uid) < 0 ||
	    tar_parse_number(header->gid, sizeof header->gid, &entry->gid) < 0 ||
	    tar_parse_number(header->size, sizeof header->size, &entry->size) < 0 ||
	    tar_parse_number(header->mtime, sizeof header->mtime, &entry->mtime) < 0)
		return tar_wrong(tar, "a header has a malformed number");
	entry->mode = (uint32_t)mode & 07777;
	entry->mtime_ns = 0;
	entry->major = entry->minor = 0;
	if (entry->type == '3' || entry->type == '4')
		if (tar_parse_number(header->major, sizeof header->major, &entry->major) < 0 ||
		    tar_parse_number(header->minor, sizeof header->minor, &entry->minor) < 0)
			return tar_wrong(tar, "a device has a malformed number");
	if (o->has_size)
		entry->size = o->size;
	if (o->has_uid)
		entry->uid = o->uid;
	if (o->has_gid)
		entry->gid = o->gid;
	if (o->has_mtime) {
		entry->mtime = o->mtime;
		entry->mtime_ns = o->mtime_ns;
	}
	if (entry->size < 0 || entry->uid < 0 || entry->gid < 0 || entry->uid > UINT32_MAX - 1 || entry->gid > UINT32_MAX - 1)
		return tar_wrong(tar, "a size, user or group is out of range");
	return 0;
}

static int has_data(char type)
{
	return type == '0' || type == '7' || type == 'S';
}

static int finish_entry(struct tar *tar, struct tar_entry *entry, const struct header *header, const struct overrides *o)
{
	entry->type = header->type ? header->type : '0';
	int r = take_name(tar, entry, header, o);
	if (r >= 0)
		r = take_link(tar, entry, header, o);
	if (r >= 0)
		r = take_numbers(tar, entry, header, o);
	if (r < 0)
		return r;
	if (entry->type == 'S')
		return tar_read_gnu_sparse(tar, entry, header);
	if (entry->type == '7')
		entry->type = '0';
	size_t length = strlen(entry->name);
	/* Before directories had a type their names ended in a slash. */
	if (entry->type == '0' && length && entry->name[length - 1] == '/')
		entry->type = '5';
	if (!has_data(entry->type))
		entry->size = 0;
	tar_begin_data(tar, entry->size);
	if (o->is_sparse_1_0 && entry->type == '0')
		return tar_read_sparse_map(tar, entry, o);
	return o->sparse_map && entry->type == '0' ? tar_take_sparse_map(tar, entry, o) : 0;
}

static void begin_entry(struct tar_entry *entry)
{
	free(entry->pieces);
	entry->pieces = 0;
	entry->piece_count = entry->attribute_count = 0;
}

static int next(struct tar *tar, struct tar_entry *entry, char **name, char **link)
{
	struct overrides o = { 0 };
	union {
		struct header header;
		char bytes[TAR_BLOCK];
	} block;
	begin_entry(entry);
	for (;;) {
		int r = tar_read_block(tar, &block);
		if (r <= 0)
			return r ? r : o.path || o.link ? tar_wrong(tar, "the archive ends after an extended header") : 0;
		if (is_zero(&block))
			return 0;
		if (!is_checked(&block.header))
			return tar_wrong(tar, "a header has a wrong checksum: this is no tar archive, or it is damaged");
		switch (block.header.type) {
		case 'L':
			r = tar_take_long(tar, &block.header, name, &o.path);
			break;
		case 'K':
			r = tar_take_long(tar, &block.header, link, &o.link);
			break;
		case 'x':
			r = tar_take_pax(tar, entry, &block.header, &o);
			break;
		case 'g':
			r = tar_skip_global(tar, &block.header);
			break;
		default:
			r = finish_entry(tar, entry, &block.header, &o);
			return r < 0 ? r : 1;
		}
		if (r < 0)
			return r;
	}
}

int tar_next(struct tar *tar, struct tar_entry *entry)
{
	char *name = 0, *link = 0;
	int r = next(tar, entry, &name, &link);
	free(name);
	free(link);
	return r;
}

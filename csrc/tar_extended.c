/* SPDX-License-Identifier: Apache-2.0 */
/* Extended headers: those of pax, and the long names of GNU. */
#include "tar_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_key(const char *key, const char *equals, const char *name)
{
	size_t size = strlen(name);
	return (size_t)(equals - key) == size && !memcmp(key, name, size);
}

static int add_attribute(struct tar_entry *entry, const char *name, const char *value, size_t size)
{
	if (entry->attribute_count == TAR_MOST_ATTRIBUTES)
		return -EBADMSG;
	entry->attributes[entry->attribute_count++] = (struct tar_attribute){ name, value, size };
	return 0;
}

/* One record, of which `equals` and `end` were made null bytes. */
static int take_record(struct tar_entry *entry, struct overrides *o, const char *key, const char *equals, const char *end)
{
	static const char attribute[] = "SCHILY.xattr.";
	const char *value = equals + 1;
	int r = 0;
	if (is_key(key, equals, "path"))
		o->path = value;
	else if (is_key(key, equals, "linkpath"))
		o->link = value;
	else if (is_key(key, equals, "size"))
		r = tar_parse_whole(value, end, &o->size), o->has_size = 1;
	else if (is_key(key, equals, "uid"))
		r = tar_parse_whole(value, end, &o->uid), o->has_uid = 1;
	else if (is_key(key, equals, "gid"))
		r = tar_parse_whole(value, end, &o->gid), o->has_gid = 1;
	else if (is_key(key, equals, "mtime"))
		r = tar_parse_time(value, end, &o->mtime, &o->mtime_ns), o->has_mtime = 1;
	else if (is_key(key, equals, "GNU.sparse.name"))
		o->sparse_name = value;
	else if (is_key(key, equals, "GNU.sparse.map"))
		o->sparse_map = value;
	else if (is_key(key, equals, "GNU.sparse.major"))
		o->is_sparse_1_0 = *value == '1';
	else if (is_key(key, equals, "GNU.sparse.realsize") || is_key(key, equals, "GNU.sparse.size"))
		r = tar_parse_whole(value, end, &o->real_size), o->has_real_size = 1;
	else if ((size_t)(equals - key) > sizeof attribute - 1 && !memcmp(key, attribute, sizeof attribute - 1))
		r = add_attribute(entry, key + sizeof attribute - 1, value, (size_t)(end - value));
	else
		return 0;
	/* A name with a null byte would be another one to the kernel. */
	if ((o->path == value || o->link == value || o->sparse_name == value) && strlen(value) != (size_t)(end - value))
		return -EBADMSG;
	return r;
}

/* "LENGTH KEY=VALUE\n" one after another. */
static int take_records(struct tar *tar, struct tar_entry *entry, struct overrides *o)
{
	char *s = tar->extended, *end = s + tar->extended_size;
	while (s < end) {
		int64_t length;
		const char *key;
		if (tar_parse_decimal(s, end, &length, &key) < 0 || length > end - s || length < key - s + 3 || *key != ' ')
			return tar_wrong(tar, "a pax header is malformed");
		char *last = s + length - 1, *equals = memchr(key, '=', (size_t)(last - key));
		if (*last != '\n' || !equals)
			return tar_wrong(tar, "a pax header is malformed");
		*last = *equals = 0;
		if (take_record(entry, o, key + 1, equals, last) < 0)
			return tar_wrong(tar, "a pax header has a malformed value, or too many attributes");
		s += length;
	}
	return 0;
}

static int read_extended(struct tar *tar, int64_t size, char **text)
{
	if (size < 0 || size > TAR_MOST_EXTENDED)
		return tar_wrong(tar, "an extended header is longer than a mebibyte");
	char *data = malloc((size_t)size + 1);
	if (!data)
		return -ENOMEM;
	tar_begin_data(tar, size);
	int r = tar_copy_data(tar, data, size);
	data[size] = 0;
	free(*text);
	*text = data;
	return r;
}

int tar_take_long(struct tar *tar, const struct header *header, char **text, const char **to)
{
	int64_t size;
	if (tar_parse_number(header->size, sizeof header->size, &size) < 0)
		return tar_wrong(tar, "a header has a malformed number");
	int r = read_extended(tar, size, text);
	*to = *text;
	return r;
}

int tar_take_pax(struct tar *tar, struct tar_entry *entry, const struct header *header, struct overrides *o)
{
	int64_t size;
	/* What the first one says lies in the memory that the second would take. */
	if (o->has_pax)
		return tar_wrong(tar, "an entry has two pax headers");
	o->has_pax = 1;
	if (tar_parse_number(header->size, sizeof header->size, &size) < 0)
		return tar_wrong(tar, "a header has a malformed number");
	int r = read_extended(tar, size, &tar->extended);
	tar->extended_size = (size_t)size;
	entry->attribute_count = 0;
	return r < 0 ? r : take_records(tar, entry, o);
}

/* What holds for all entries is of no use here; some programs put a comment into it. */
int tar_skip_global(struct tar *tar, const struct header *header)
{
	int64_t size;
	if (tar_parse_number(header->size, sizeof header->size, &size) < 0 || size < 0 || size > TAR_MOST_EXTENDED)
		return tar_wrong(tar, "an extended header is longer than a mebibyte");
	tar_begin_data(tar, size);
	return 0;
}

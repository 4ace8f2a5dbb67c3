/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of tar.h share. */
#ifndef FIRKIN_TAR_INTERNAL_H
#define FIRKIN_TAR_INTERNAL_H

#include "tar.h"

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

/* What a pax header, or GNU's long names, say of the entry that follows. */
struct overrides {
	const char *path, *link;
	int64_t size, uid, gid, mtime, real_size;
	uint32_t mtime_ns;
	unsigned has_size : 1, has_uid : 1, has_gid : 1, has_mtime : 1, has_real_size : 1, is_sparse_1_0 : 1, has_pax : 1;
	const char *sparse_map; /* version 0.1: offset,size,offset,size... */
	const char *sparse_name;
};

/* An archive that is not as it must be: -EBADMSG. */
int tar_wrong(struct tar *tar, const char *problem);

/* tar_stream.c: the next block: 1, 0 at the end of the stream, -errno. */
int tar_read_block(struct tar *tar, void *block);
void tar_begin_data(struct tar *tar, int64_t size);
/* All of `size` bytes of the entry's data. 0 or -errno. */
int tar_copy_data(struct tar *tar, char *to, int64_t size);

/* tar_number.c: 0 or -EBADMSG. */
int tar_parse_number(const char *field, size_t size, int64_t *number);
int tar_parse_decimal(const char *s, const char *end, int64_t *number, const char **rest);
int tar_parse_whole(const char *value, const char *end, int64_t *number);
int tar_parse_time(const char *value, const char *end, int64_t *seconds, uint32_t *nanoseconds);

/* tar_extended.c: 0 or -errno. */
int tar_take_pax(struct tar *tar, struct tar_entry *entry, const struct header *header, struct overrides *o);
int tar_take_long(struct tar *tar, const struct header *header, char **text, const char **to);
int tar_skip_global(struct tar *tar, const struct header *header);

/* tar_sparse.c: where the pieces of a sparse file are. 0 or -errno. */
int tar_read_gnu_sparse(struct tar *tar, struct tar_entry *entry, const struct header *header);
int tar_take_sparse_map(struct tar *tar, struct tar_entry *entry, const struct overrides *o);
int tar_read_sparse_map(struct tar *tar, struct tar_entry *entry, const struct overrides *o);

#endif

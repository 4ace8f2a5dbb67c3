/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse files: GNU's old form, and the versions 0.1 and 1.0 in pax headers. */
#include "tar_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_piece(struct tar *tar, struct tar_entry *entry, int64_t offset, int64_t size)
{
	if (!entry->pieces)
		entry->pieces = malloc(TAR_MOST_PIECES * sizeof *entry->pieces);
	if (!entry->pieces)
		return -ENOMEM;
	int64_t before = entry->piece_count ? entry->pieces[entry->piece_count - 1].offset +
						      entry->pieces[entry->piece_count - 1].size : 0;
	if (entry->piece_count == TAR_MOST_PIECES)
		return tar_wrong(tar, "a sparse file has more than 65536 pieces");
	if (offset < before || size < 0 || offset > INT64_MAX - size)
		return tar_wrong(tar, "the map of a sparse file is malformed");
	entry->pieces[entry->piece_count++] = (struct tar_piece){ offset, size };
	return 0;
}

/* The pieces must fit into the file, and their sizes must be those of the data. */
static int end_pieces(struct tar *tar, struct tar_entry *entry, int64_t data, int64_t real_size)
{
	int64_t sum = 0, end = 0;
	for (unsigned i = 0; i < entry->piece_count; i++) {
		sum += entry->pieces[i].size;
		end = entry->pieces[i].offset + entry->pieces[i].size;
	}
	if (sum != data || end > real_size)
		return tar_wrong(tar, "the map of a sparse file does not fit its data");
	entry->size = real_size;
	return 0;
}

static int take_gnu_pieces(struct tar *tar, struct tar_entry *entry, const char *at, unsigned count)
{
	for (unsigned i = 0; i < count && at[i * 24]; i++) {
		int64_t offset, size;
		if (tar_parse_number(at + i * 24, 12, &offset) < 0 || tar_parse_number(at + i * 24 + 12, 12, &size) < 0)
			return tar_wrong(tar, "the map of a sparse file is malformed");
		int r = add_piece(tar, entry, offset, size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* GNU's old form: four pieces in the header, and more in blocks behind it. */
int tar_read_gnu_sparse(struct tar *tar, struct tar_entry *entry, const struct header *header)
{
	const char *raw = (const void *)header;
	int64_t real_size, data = entry->size;
	char block[TAR_BLOCK];
	int more = raw[482] == 1;
	int r = take_gnu_pieces(tar, entry, raw + 386, 4);
	if (r < 0 || tar_parse_number(raw + 483, 12, &real_size) < 0)
		return r < 0 ? r : tar_wrong(tar, "the map of a sparse file is malformed");
	while (more) {
		r = tar_read_block(tar, block);
		if (r > 0)
			r = take_gnu_pieces(tar, entry, block, 21);
		else if (!r)
			r = tar_wrong(tar, "the archive ends inside of the map of a sparse file");
		if (r < 0)
			return r;
		more = block[504] == 1;
	}
	tar_begin_data(tar, data);
	entry->type = '0';
	return end_pieces(tar, entry, data, real_size);
}

/* Version 0.1: offset,size,offset,size... in the pax header. */
int tar_take_sparse_map(struct tar *tar, struct tar_entry *entry, const struct overrides *o)
{
	const char *s = o->sparse_map, *end = s + strlen(s);
	while (s < end) {
		int64_t offset, size;
		if (tar_parse_decimal(s, end, &offset, &s) < 0 || *s++ != ',' || tar_parse_decimal(s, end, &size, &s) < 0 ||
		    (s < end && *s++ != ','))
			return tar_wrong(tar, "the map of a sparse file is malformed");
		int r = add_piece(tar, entry, offset, size);
		if (r < 0)
			return r;
	}
	return end_pieces(tar, entry, tar->left, o->has_real_size ? o->real_size : entry->size);
}

/* A decimal number and a newline, out of the data. */
static int read_line_number(struct tar *tar, int64_t *number, int64_t *used)
{
	char digits[24];
	for (size_t n = 0; n < sizeof digits; n++) {
		int r = tar_copy_data(tar, digits + n, 1);
		if (r < 0)
			return r;
		++*used;
		if (digits[n] == '\n')
			return tar_parse_whole(digits, digits + n, number) < 0 ? tar_wrong(tar, "the map of a sparse file is malformed") : 0;
	}
	return tar_wrong(tar, "the map of a sparse file is malformed");
}

/* Version 1.0: the map comes before the data, padded to a block. */
int tar_read_sparse_map(struct tar *tar, struct tar_entry *entry, const struct overrides *o)
{
	int64_t count, used = 0, offset, size;
	char rest[TAR_BLOCK];
	int r = read_line_number(tar, &count, &used);
	for (int64_t i = 0; r >= 0 && i < count; i++) {
		r = read_line_number(tar, &offset, &used);
		if (r >= 0)
			r = read_line_number(tar, &size, &used);
		if (r >= 0)
			r = add_piece(tar, entry, offset, size);
	}
	if (r >= 0)
		r = tar_copy_data(tar, rest, -used & (TAR_BLOCK - 1));
	if (r < 0)
		return r;
	return end_pieces(tar, entry, tar->left, o->has_real_size ? o->real_size : entry->size);
}

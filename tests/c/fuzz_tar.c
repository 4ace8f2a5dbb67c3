/* SPDX-License-Identifier: Apache-2.0 */
/* Reads arbitrary bytes as a tar archive, all entries with all their data. */
#include "tar.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most archives are random after few bytes: with a right checksum more of them are looked into. */
static void mend_checksums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
		unsigned sum = 0;
		if (memcmp(data + at + 257, "ustar", 5))
			continue;
		memset(data + at + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += data[at + i];
		for (int i = 5; i >= 0; i--, sum >>= 3)
			data[at + 148 + (size_t)i] = (uint8_t)('0' + (sum & 7));
	}
}

struct memory {
	const uint8_t *data;
	size_t left, most; /* of a piece: each archive is cut elsewhere */
};

static int64_t next_piece(void *data, const char **piece)
{
	struct memory *memory = data;
	size_t n = memory->left < memory->most ? memory->left : memory->most;
	*piece = (const char *)memory->data;
	memory->data += n;
	memory->left -= n;
	return (int64_t)n;
}

static void read_all(struct tar *tar)
{
	static struct tar_entry entry;
	volatile char last = 0;
	while (tar_next(tar, &entry) > 0) {
		const char *data;
		int64_t n;
		if (strlen(entry.name) >= TAR_PATH || strlen(entry.link) >= TAR_PATH || entry.size < 0)
			abort();
		for (unsigned i = 0; i < entry.attribute_count; i++)
			if (entry.attributes[i].size)
				last = entry.attributes[i].value[entry.attributes[i].size - 1];
		while ((n = tar_data(tar, &data, 1000)) > 0)
			last = data[n - 1];
		if (n < 0)
			break;
	}
	(void)last;
	free(entry.pieces);
	memset(&entry, 0, sizeof entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tar tar;
	uint8_t *copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	mend_checksums(copy, size);
	struct memory memory = { copy, size, size ? 1 + data[size - 1] * 16u : 1 };
	tar_open(&tar, next_piece, &memory);
	read_all(&tar);
	tar_drain(&tar);
	tar_close(&tar);
	free(copy);
	return 0;
}

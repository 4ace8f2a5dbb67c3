/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_maker.h"

#include <stdlib.h>
#include <string.h>

void maker_start(struct plan_maker *maker)
{
	memset(maker, 0, sizeof *maker);
	maker->slots = PLAN_MAX_SLOTS;
	maker->text_size = 8; /* an empty text is at its start */
}

static uint64_t empty_text(void)
{
	return sizeof(struct plan_header);
}

uint64_t maker_bytes(struct plan_maker *maker, const void *data, size_t size)
{
	uint32_t at = maker->text_size;
	if (size + 1 > MAKER_TEXT - 8 - at)
		return empty_text();
	if (size)
		memcpy(maker->text + at, data, size);
	maker->text[at + size] = 0;
	maker->text_size = at + (uint32_t)size + 1;
	return (uint64_t)size << 32 | (sizeof(struct plan_header) + at);
}

uint64_t maker_text(struct plan_maker *maker, const char *text)
{
	return maker_bytes(maker, text, strlen(text));
}

uint64_t maker_vector(struct plan_maker *maker, const char *const *texts)
{
	uint64_t entries[64] = { 0 };
	uint32_t count = 0;
	for (; texts[count] && count < 63; count++)
		entries[count] = (uint32_t)maker_text(maker, texts[count]);
	maker->text_size = (maker->text_size + 7) & ~7u;
	return (uint32_t)maker_bytes(maker, entries, (count + 1) * sizeof entries[0]);
}

struct plan_op *maker_op(struct plan_maker *maker, int section, uint32_t code, const uint64_t *arguments)
{
	if (maker->counts[section] == MAKER_OPS)
		return NULL;
	struct plan_op *op = &maker->ops[section][maker->counts[section]++];
	op->code = code;
	op->origin = (uint32_t)empty_text();
	memcpy(op->arg, arguments, sizeof op->arg);
	return op;
}

size_t maker_encode(const struct plan_maker *maker, void *to, size_t room)
{
	uint32_t text_size = (maker->text_size + 8) & ~7u; /* its last byte is NUL */
	struct plan_header header = { .magic = PLAN_MAGIC, .version = PLAN_VERSION, .slots = maker->slots,
				      .preserve_fds = maker->preserve_fds, .text = { sizeof header, text_size } };
	header.size = (uint32_t)sizeof header + text_size;
	for (int i = 0; i < PLAN_SECTIONS; i++) {
		header.sections[i] = (struct plan_range){ header.size, maker->counts[i] };
		header.size += maker->counts[i] * (uint32_t)sizeof(struct plan_op);
	}
	if (header.size > room)
		return header.size;
	memcpy(to, &header, sizeof header);
	memset((char *)to + sizeof header, 0, text_size);
	memcpy((char *)to + sizeof header, maker->text, maker->text_size);
	for (int i = 0; i < PLAN_SECTIONS; i++)
		memcpy((char *)to + header.sections[i].offset, maker->ops[i], maker->counts[i] * sizeof(struct plan_op));
	return header.size;
}

void *maker_finish(const struct plan_maker *maker, size_t *size)
{
	*size = maker_encode(maker, NULL, 0);
	void *buffer = malloc(*size);
	if (buffer)
		maker_encode(maker, buffer, *size);
	return buffer;
}

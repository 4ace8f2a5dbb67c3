/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fill.h"
#include "plan_access.h"

#include <errno.h>
#include <string.h>

/* Equal texts are stored once: who refers to one that was filled must be told its new length. */
struct filled {
	uint64_t before[64], after[64];
	unsigned count;
};

struct filling {
	char *base;
	const struct plan_header *header;
	const struct plan_mark *marks;
	size_t count;
	struct filled filled;
};

/* Replaces one mark in `length` bytes, which become fewer; their number. The rest is zeros. */
static size_t replace(char *text, size_t length, const struct plan_mark *mark)
{
	size_t value = strlen(mark->value);
	char *at = text, *found;
	while ((found = memmem(at, length - (size_t)(at - text), mark->mark, mark->length))) {
		char *behind = found + mark->length;
		memcpy(found, mark->value, value);
		memmove(found + value, behind, length - (size_t)(behind - text));
		memset(text + length - (mark->length - value), 0, mark->length - value);
		length -= mark->length - value;
		at = found + value;
	}
	return length;
}

static int fill_text(struct filling *filling, uint64_t *reference)
{
	struct filled *filled = &filling->filled;
	uint64_t offset = (uint32_t)*reference, length = *reference >> 32;
	const struct plan_range *text = &filling->header->text;
	for (unsigned i = 0; i < filled->count; i++)
		if (filled->before[i] == *reference) {
			*reference = filled->after[i];
			return 0;
		}
	if (offset < text->offset || offset + length + 1 > text->offset + (uint64_t)text->count)
		return -EINVAL;
	size_t now = length;
	for (size_t i = 0; i < filling->count; i++)
		now = replace(filling->base + offset, now, &filling->marks[i]);
	if (now == length)
		return 0;
	if (filled->count == sizeof filled->before / sizeof filled->before[0])
		return -EINVAL;
	filled->before[filled->count] = *reference;
	*reference = filled->after[filled->count++] = (uint64_t)now << 32 | offset;
	return 0;
}

static int fill_operation(struct filling *filling, struct plan_op *op)
{
	const char *kind = plan_op_signature(op->code);
	for (unsigned i = 0; *kind && i < PLAN_ARGS; i++) {
		if (*kind == 't' || *kind == 'b')
			if (fill_text(filling, &op->arg[i]) < 0)
				return -EINVAL;
		kind += strcspn(kind, " ");
		kind += *kind == ' ';
	}
	return 0;
}

static int fits(const struct plan_mark *marks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(marks[i].value) > marks[i].length)
			return 0;
	return 1;
}

int plan_fill(void *buffer, size_t size, const struct plan_mark *marks, size_t count)
{
	struct filling filling = { .base = buffer, .header = buffer, .marks = marks, .count = count };
	if (!plan_header_ok(buffer, size) || !fits(marks, count))
		return -EINVAL;
	for (int section = 0; section < PLAN_SECTIONS; section++) {
		const struct plan_range *range = &filling.header->sections[section];
		struct plan_op *ops = (void *)(filling.base + range->offset);
		for (uint32_t n = 0; n < range->count; n++)
			if (fill_operation(&filling, &ops[n]) < 0)
				return -EINVAL;
	}
	return 0;
}

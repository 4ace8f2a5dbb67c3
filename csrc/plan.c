/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"
#include "plan_access.h"

#include <errno.h>

struct op_form {
	uint32_t code;
	uint32_t sides;
	const char *name;
	const char *signature;
};

#define P PLAN_SIDE_PARENT
#define C PLAN_SIDE_CHILD
#define U PLAN_SIDE_UNDO
#define FORM(code, name, text, sides, signature) { code, sides, text, signature },
static const struct op_form forms[] = { PLAN_OPS(FORM) };
#undef FORM
#undef P
#undef C
#undef U

static const struct op_form *find_form(uint32_t code)
{
	for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (forms[i].code == code)
			return &forms[i];
	return 0;
}

const char *plan_op_name(uint32_t code)
{
	const struct op_form *form = find_form(code);
	return form ? form->name : "?";
}

const char *plan_op_signature(uint32_t code)
{
	const struct op_form *form = find_form(code);
	return form ? form->signature : "";
}

static int in_text(const struct plan_header *h, uint64_t offset, uint64_t length)
{
	uint64_t start = h->text.offset, end = start + h->text.count;
	return offset >= start && offset <= end && length <= end - offset;
}

/* The text's last byte is NUL, so a text that starts inside it ends inside it. */
static int text_ok(const struct plan *plan, uint64_t ref)
{
	return in_text(plan->header, (uint32_t)ref, (ref >> 32) + 1);
}

static int entry_ok(const struct plan *plan, uint64_t entry)
{
	uint64_t base = (uintptr_t)plan->base;
	return entry >= base && in_text(plan->header, entry - base, 1);
}

/*
 * Offsets become addresses in place, which is why the buffer is a private mapping. Vectors may
 * share entries: one that already is an address stays.
 */
static int vector_relocate(const struct plan *plan, uint64_t offset)
{
	if (offset % 8)
		return 0;
	for (;; offset += 8) {
		if (!in_text(plan->header, offset, 8))
			return 0;
		uint64_t *entry = (void *)(plan->base + offset);
		if (!*entry)
			return 1;
		if (in_text(plan->header, *entry, 1))
			*entry += (uintptr_t)plan->base;
		else if (!entry_ok(plan, *entry))
			return 0;
	}
}

static int arg_ok(const struct plan *plan, char kind, uint64_t value)
{
	switch (kind) {
	case 'n':
		return 1;
	case 's':
	case 'o':
		return value < plan->header->slots;
	case 'S':
		return value == PLAN_NO_SLOT || value < plan->header->slots;
	case 't':
		return text_ok(plan, value);
	case 'b':
		return in_text(plan->header, (uint32_t)value, value >> 32);
	case 'v':
		return 1;
	default:
		return 0;
	}
}

static const char *next_arg(const char *signature)
{
	while (*signature && *signature != ' ')
		signature++;
	return *signature ? signature + 1 : signature;
}

/* First all vectors are relocated, then all else is checked: what a vector changes is seen too. */
static int op_relocate(const struct plan *plan, const struct plan_op *op, uint32_t side)
{
	const struct op_form *form = find_form(op->code);
	if (!form || !(form->sides & side))
		return 0;
	const char *s = form->signature;
	for (unsigned i = 0; *s && i < PLAN_ARGS; i++, s = next_arg(s))
		if (*s == 'v' && !vector_relocate(plan, op->arg[i]))
			return 0;
	return 1;
}

static int op_ok(const struct plan *plan, const struct plan_op *op, uint32_t side)
{
	const struct op_form *form = find_form(op->code);
	if (!form || !(form->sides & side) || !text_ok(plan, op->origin))
		return 0;
	const char *s = form->signature;
	for (unsigned i = 0; *s && i < PLAN_ARGS; i++, s = next_arg(s))
		if (!arg_ok(plan, *s, op->arg[i]))
			return 0;
	return 1;
}

static int for_each_op(const struct plan *plan,
		       int (*visit)(const struct plan *, const struct plan_op *, uint32_t side))
{
	for (int i = 0; i < PLAN_SECTIONS; i++) {
		const struct plan_op *ops = plan_ops(plan, i);
		for (uint32_t n = 0; n < plan->header->sections[i].count; n++)
			if (!visit(plan, &ops[n], 1u << i))
				return 0;
	}
	return 1;
}

static int range_ok(const struct plan_header *h, const struct plan_range *r, uint64_t unit)
{
	return r->offset >= sizeof *h && r->offset <= h->size && r->offset % 8 == 0 &&
	       r->count * unit <= h->size - r->offset;
}

int plan_header_ok(const struct plan_header *h, uint64_t size)
{
	if (size < sizeof *h || size > PLAN_MAX_SIZE || (uintptr_t)h % 8)
		return 0;
	if (h->magic != PLAN_MAGIC || h->version != PLAN_VERSION || h->size != size)
		return 0;
	if (h->slots > PLAN_MAX_SLOTS || h->preserve_fds > 0xffff || !range_ok(h, &h->text, 1))
		return 0;
	for (int i = 0; i < PLAN_SECTIONS; i++)
		if (h->sections[i].count > PLAN_MAX_OPS ||
		    !range_ok(h, &h->sections[i], sizeof(struct plan_op)) ||
		    h->sections[i].offset < h->text.offset + (uint64_t)h->text.count)
			return 0;
	return 1;
}

static int well_formed(const struct plan *plan, uint64_t size)
{
	if (!plan_header_ok(plan->header, size) || !for_each_op(plan, op_relocate))
		return 0;
	const struct plan_range *text = &plan->header->text;
	return text->count && !plan->base[text->offset + text->count - 1] && for_each_op(plan, op_ok);
}

int plan_check(struct plan *plan, void *buffer, uint64_t size)
{
	plan->base = buffer;
	plan->header = buffer;
	if (well_formed(plan, size))
		return 0;
	plan->header = 0;
	return -EINVAL;
}

const struct plan_op *plan_ops(const struct plan *plan, int section)
{
	return (const void *)(plan->base + plan->header->sections[section].offset);
}

const char *plan_text(const struct plan *plan, uint64_t ref)
{
	return plan->base + (uint32_t)ref;
}

struct plan_bytes plan_bytes(const struct plan *plan, uint64_t ref)
{
	return (struct plan_bytes){ plan->base + (uint32_t)ref, (uint32_t)(ref >> 32) };
}

char *const *plan_vector(const struct plan *plan, uint64_t offset)
{
	return (void *)(plan->base + offset);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "random_plan.h"
#include "plan_maker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SLOTS 12
#define LENGTH(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

struct form {
	uint32_t code, sides;
	const char *signature;
};

static const struct form forms[] = {
#define P PLAN_SIDE_PARENT
#define C PLAN_SIDE_CHILD
#define U PLAN_SIDE_UNDO
#define FORM(code, name, text, sides, signature) { code, sides, signature },
	PLAN_OPS(FORM)
#undef FORM
#undef P
#undef C
#undef U
};

static uint64_t state;

void random_start(uint64_t seed)
{
	state = seed * 0x9e3779b97f4a7c15u + 1;
}

static uint64_t random_word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1du;
}

uint32_t random_below(uint32_t limit)
{
	return (uint32_t)(random_word() >> 33) % limit;
}

size_t input_plan(const uint8_t *input, size_t size)
{
	if (size < INPUT_HEAD)
		return size;
	size_t at = INPUT_HEAD + (size_t)(input[0] | input[1] << 8);
	return at < size ? at : size;
}

static const struct form *random_form(uint32_t side)
{
	for (;;) {
		const struct form *form = &forms[random_below(LENGTH(forms))];
		if (form->sides & side)
			return form;
	}
}

static uint64_t random_number(void)
{
	static const uint64_t numbers[] = { 0, 1, 2, 3, 4, 5, 8, 9, 12, 13, 64, 65, 255, 1000, 1023, 1024, 4095, 4096,
					    0xffff, 0x10000, 0x80000, S_IFCHR | 0666, S_IFDIR | 0755, S_IFIFO,
					    1ull << 32 | 3, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 62,
					    INT64_MAX, 1ull << 63, 0xfffffffffffffff0, 0xffffffffffffff9c, UINT64_MAX };
	uint32_t pick = random_below(LENGTH(numbers) + 5);
	return pick < LENGTH(numbers) ? numbers[pick] : random_word() >> random_below(64);
}

static uint64_t long_text(struct plan_maker *maker, uint32_t length)
{
	static char text[8192];
	for (uint32_t i = 0; i < length; i++)
		text[i] = i % 7 == 6 && length > 300 ? '/' : 'n';
	text[length] = 0;
	return maker_text(maker, text);
}

static uint64_t random_text(struct plan_maker *maker)
{
	static const char *const texts[] = { "", "/", ".", "..", "a", "/a/b/c", "a/../b", "../../x", "/dev/null", "dev/pts",
					     "/proc", "proc/sys", "/sys/fs/cgroup", "+cpu +memory", "cgroup.procs", " ",
					     "tmpfs", "c1", "/dev/", "a//b/", "uid_map", "self/fd/3", "\xff\x01", "//" };
	static const uint32_t lengths[] = { 62, 63, 106, 107, 108, 231, 232, 254, 255, 256, 4093, 4094, 4095, 4096 };
	uint32_t pick = random_below(LENGTH(texts) + 4);
	return pick < LENGTH(texts) ? maker_text(maker, texts[pick]) :
				      long_text(maker, lengths[random_below(LENGTH(lengths))]);
}

static uint64_t random_bytes(struct plan_maker *maker)
{
	static const char options[] = "=size\0" "64k\0" "!ro\0\0" "=mode\0" "755\0=\0\0";
	char data[512];
	uint32_t size = random_below(sizeof data);
	switch (random_below(4)) {
	case 0:
		return maker_bytes(maker, options, random_below(sizeof options + 1));
	case 1:
		return maker_text(maker, "{\"pid\":\1,\"start\":\2}");
	default:
		for (uint32_t i = 0; i < size; i++)
			data[i] = (char)(random_below(3) ? random_below(4) : random_below(256));
		return maker_bytes(maker, data, size);
	}
}

static uint64_t random_vector(struct plan_maker *maker)
{
	static const char *const words[] = { "/bin/sh", "sh", "", "-c", "A=1", "/x/y" };
	const char *texts[6] = { 0 };
	for (uint32_t i = 0, n = random_below(5); i < n; i++)
		texts[i] = words[random_below(LENGTH(words))];
	return maker_vector(maker, texts);
}

static uint64_t random_argument(struct plan_maker *maker, char kind)
{
	switch (kind) {
	case 't':
		return random_text(maker);
	case 'b':
		return random_bytes(maker);
	case 'v':
		return random_vector(maker);
	case 'S':
		return random_below(3) ? random_below(SLOTS) : PLAN_NO_SLOT;
	case 's':
	case 'o':
		return random_below(SLOTS);
	default:
		return random_number();
	}
}

/* SEND and RECEIVE name slots by numbers. */
static void give_small_range(uint64_t *arguments)
{
	arguments[0] = random_below(4);
	arguments[1] = random_below(random_below(8) ? 8 : 200);
}

static void add_operation(struct plan_maker *maker, int section, const struct form *form)
{
	uint64_t arguments[PLAN_ARGS] = { 0 };
	const char *s = form->signature;
	for (int i = 0; *s; i++) {
		arguments[i] = random_argument(maker, *s);
		while (*s && *s++ != ' ')
			;
	}
	if ((form->code == OP_SEND || form->code == OP_RECEIVE) && random_below(4))
		give_small_range(arguments);
	if ((form->code == OP_AWAIT || form->code == OP_RENDEZVOUS) && random_below(8))
		arguments[0] = 1 + random_below(3);
	maker_op(maker, section, form->code, arguments);
}

static const struct form *form_of(uint32_t code)
{
	for (uint32_t i = 0; i < LENGTH(forms); i++)
		if (forms[i].code == code)
			return &forms[i];
	return NULL;
}

/* Slots are filled first, so that what follows has descriptors to work with. */
static void fill_slots(struct plan_maker *maker, int section)
{
	static const char *const paths[] = { "/a", "/sys/fs/cgroup", "/dev/pts/ptmx", "/proc/x" };
	for (uint64_t slot = 0, n = random_below(SLOTS); slot < n; slot++)
		maker_add(maker, section, OPEN, slot, maker_text(maker, paths[random_below(LENGTH(paths))]), 0);
}

static void random_section(struct plan_maker *maker, int section)
{
	uint32_t count = random_below(24);
	if (section != PLAN_UNDO && random_below(4))
		fill_slots(maker, section);
	if (section == PLAN_PARENT && random_below(4))
		add_operation(maker, section, form_of(OP_CLONE));
	for (uint32_t i = 0; i < count; i++)
		add_operation(maker, section, random_form(1u << section));
	if (section == PLAN_CHILD && random_below(2))
		add_operation(maker, section, form_of(OP_EXEC));
}

size_t random_input(uint8_t *to, size_t room)
{
	static struct plan_maker maker;
	uint32_t script = random_below(random_below(2) ? 16 : 200);
	maker_start(&maker);
	maker.slots = random_below(8) ? SLOTS : PLAN_MAX_SLOTS;
	maker.preserve_fds = random_below(4) ? 0 : random_below(8);
	for (int section = 0; section < PLAN_SECTIONS; section++)
		random_section(&maker, section);
	if (room < INPUT_HEAD + script)
		return 0;
	to[0] = (uint8_t)script;
	to[1] = 0;
	/* Calls succeed more often than not. */
	for (uint32_t i = 0; i < script; i++)
		to[INPUT_HEAD + i] = (uint8_t)(random_below(6) ? random_below(128) : random_below(256));
	size_t size = maker_encode(&maker, to + INPUT_HEAD + script, room - INPUT_HEAD - script);
	return INPUT_HEAD + script + size <= room ? INPUT_HEAD + script + size : 0;
}

/* The input is not aligned: all is copied out and in. */
struct place {
	uint8_t *plan;
	size_t size;
	struct plan_header header;
};

static int find_place(struct place *place, uint8_t *input, size_t size)
{
	size_t at = input_plan(input, size);
	place->plan = input + at;
	place->size = size - at;
	if (place->size < sizeof place->header)
		return 0;
	memcpy(&place->header, place->plan, sizeof place->header);
	return 1;
}

static uint8_t *find_operation(const struct place *place, uint32_t section)
{
	const struct plan_range *range = &place->header.sections[section];
	if (!range->count)
		return NULL;
	size_t at = range->offset + (size_t)random_below(range->count) * sizeof(struct plan_op);
	return at + sizeof(struct plan_op) <= place->size ? place->plan + at : NULL;
}

/* Another argument of this kind, from anywhere in the plan. */
static uint64_t borrow_argument(const struct place *place, char kind)
{
	for (int attempt = 0; attempt < 64; attempt++) {
		struct plan_op op;
		uint8_t *at = find_operation(place, random_below(PLAN_SECTIONS));
		if (!at)
			continue;
		memcpy(&op, at, sizeof op);
		const struct form *form = form_of(op.code);
		const char *s = form ? form->signature : "";
		for (int i = 0; *s && i < PLAN_ARGS; i++) {
			if (*s == kind)
				return op.arg[i];
			while (*s && *s++ != ' ')
				;
		}
	}
	return place->header.text.offset;
}

static uint64_t new_argument(const struct place *place, char kind)
{
	if (kind == 't' || kind == 'b' || kind == 'v')
		return borrow_argument(place, kind);
	if (random_below(40) == 0)
		return random_word();
	return random_argument(NULL, kind);
}

static void change_operation(const struct place *place, struct plan_op *op, uint32_t section)
{
	const struct form *form = form_of(op->code);
	int all = !form || random_below(3) == 0;
	if (all) {
		form = random_form(1u << section);
		op->code = form->code;
	}
	const char *s = form->signature;
	for (int i = 0; *s && i < PLAN_ARGS; i++) {
		if (all || random_below(2))
			op->arg[i] = new_argument(place, *s);
		while (*s && *s++ != ' ')
			;
	}
}

static void swap_operations(uint8_t *a, uint8_t *b)
{
	struct plan_op one, other;
	memcpy(&one, a, sizeof one);
	memcpy(&other, b, sizeof other);
	memcpy(a, &other, sizeof other);
	memcpy(b, &one, sizeof one);
}

void random_change(uint8_t *input, size_t size)
{
	struct place place;
	uint32_t section = random_below(PLAN_SECTIONS);
	if (!find_place(&place, input, size))
		return;
	uint8_t *at = find_operation(&place, section), *other = find_operation(&place, section);
	if (!at)
		return;
	if (random_below(4) == 0) {
		if (other && other != at && labs(other - at) % (long)sizeof(struct plan_op) == 0)
			swap_operations(at, other);
		return;
	}
	struct plan_op op;
	memcpy(&op, at, sizeof op);
	change_operation(&place, &op, section);
	memcpy(at, &op, sizeof op);
}

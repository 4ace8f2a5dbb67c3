/* SPDX-License-Identifier: Apache-2.0 */
/* Well-formed plans for tests: what the runtime's compiler does in Python. */
#ifndef FIRKIN_PLAN_MAKER_H
#define FIRKIN_PLAN_MAKER_H

#include "plan.h"

#include <stddef.h>

#define MAKER_TEXT 16384
#define MAKER_OPS 128

struct plan_maker {
	_Alignas(8) char text[MAKER_TEXT];
	uint32_t text_size;
	struct plan_op ops[PLAN_SECTIONS][MAKER_OPS];
	uint32_t counts[PLAN_SECTIONS];
	uint32_t slots;
	uint32_t preserve_fds;
};

void maker_start(struct plan_maker *maker);

/* References as arguments of an operation have them; what has no room becomes an empty text. */
uint64_t maker_text(struct plan_maker *maker, const char *text);
uint64_t maker_bytes(struct plan_maker *maker, const void *data, size_t size);
uint64_t maker_vector(struct plan_maker *maker, const char *const *texts);

/* The operation that was added, or NULL if the section is full. */
struct plan_op *maker_op(struct plan_maker *maker, int section, uint32_t code, const uint64_t *arguments);

/* maker_add(maker, PLAN_CHILD, UMASK, 022) */
#define maker_add(maker, section, code, ...) \
	maker_op(maker, section, OP_##code, (const uint64_t[PLAN_ARGS]){ __VA_ARGS__ })
#define maker_texts(maker, ...) maker_vector(maker, (const char *const[]){ __VA_ARGS__, NULL })

/* The size of the plan, which is put at `to` if `room` is enough. */
size_t maker_encode(const struct plan_maker *maker, void *to, size_t room);

/* The same in memory of exactly that size, to be freed. */
void *maker_finish(const struct plan_maker *maker, size_t *size);

#endif

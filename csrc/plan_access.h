/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a plan. plan_check() must have accepted the buffer before any other call. */
#ifndef FIRKIN_PLAN_ACCESS_H
#define FIRKIN_PLAN_ACCESS_H

#include "plan.h"

struct plan {
	char *base;
	const struct plan_header *header;
};

struct plan_bytes {
	const char *data;
	uint32_t size;
};

/*
 * 0, or -EINVAL and no header if any reference of the buffer leaves it. The buffer must be writable
 * and 8-aligned.
 */
int plan_check(struct plan *plan, void *buffer, uint64_t size);

const struct plan_op *plan_ops(const struct plan *plan, int section);
const char *plan_text(const struct plan *plan, uint64_t ref);
struct plan_bytes plan_bytes(const struct plan *plan, uint64_t ref);
char *const *plan_vector(const struct plan *plan, uint64_t offset);
const char *plan_op_name(uint32_t code);

/* The kinds of its arguments, as csrc/plan.h spells them; empty for an unknown code. */
const char *plan_op_signature(uint32_t code);

/* Whether a buffer of so many bytes begins as a plan does, with ranges that lie in it. */
int plan_header_ok(const struct plan_header *header, uint64_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Plans that are kept for a next time: what is different then stands in them as marks. */
#ifndef FIRKIN_PLAN_FILL_H
#define FIRKIN_PLAN_FILL_H

#include <stddef.h>

/* A text that can be nothing else, as it was drawn by lot, and what takes its place, which is not longer. */
struct plan_mark {
	const char *mark;
	size_t length;
	const char *value;
};

/*
 * Puts the values into the texts and bytes of a plan that no plan_check() has seen yet; 0, or -EINVAL if a reference
 * leaves the buffer, a value is longer than its mark, or more texts have marks than any plan has.
 */
int plan_fill(void *buffer, size_t size, const struct plan_mark *marks, size_t count);

#endif

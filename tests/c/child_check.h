/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the child, run in a process of the test. */
#ifndef FIRKIN_CHILD_CHECK_H
#define FIRKIN_CHILD_CHECK_H

#include "check.h"
#include "child.h"
#include "plan_maker.h"

extern struct plan_maker maker;
extern struct run run;

/* Starts a new list; descriptors in slots stay. */
void new_plan(void);

#define add(code, ...) maker_add(&maker, PLAN_CHILD, code, __VA_ARGS__)
#define text(value) maker_text(&maker, value)

/* Runs the list, then starts a new one; 0 or -errno. */
int run_operations(void);

/* One operation alone. */
#define run_one(code, ...) (new_plan(), maker_add(&maker, PLAN_CHILD, code, __VA_ARGS__), run_operations())

#endif

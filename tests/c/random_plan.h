/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs of the fuzzer: a length, the script of the fake kernel, and a plan. They are made and changed
 * with knowledge of a plan's structure, as arbitrary bytes hardly ever are one.
 */
#ifndef FIRKIN_RANDOM_PLAN_H
#define FIRKIN_RANDOM_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define INPUT_HEAD 2 /* bytes of the script's length, little end first */

/* A generator that gives the same numbers everywhere; below `limit`. */
void random_start(uint64_t seed);
uint32_t random_below(uint32_t limit);

/* A new input, at most `room` bytes: its size. */
size_t random_input(uint8_t *to, size_t room);

/* Changes operations and their arguments in place, so that the plan stays well-formed. */
void random_change(uint8_t *input, size_t size);

/* Where the plan begins. */
size_t input_plan(const uint8_t *input, size_t size);

/* Runs both sides of the plan on the fake kernel. */
void run_input(const uint8_t *input, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer's entry points. */
#include "random_plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run_input(data, size);
	return 0;
}

/* The script may grow and shrink; the plan moves with it. */
static size_t mutate_script(uint8_t *data, size_t size, size_t room)
{
	static uint8_t script[256];
	size_t at = input_plan(data, size), length = at - INPUT_HEAD, plan = size - at;
	if (size < INPUT_HEAD || length > sizeof script || INPUT_HEAD + sizeof script + plan > room)
		return LLVMFuzzerMutate(data, size, room);
	memcpy(script, data + INPUT_HEAD, length);
	length = LLVMFuzzerMutate(script, length, sizeof script - 1);
	memmove(data + INPUT_HEAD + length, data + at, plan);
	memcpy(data + INPUT_HEAD, script, length);
	data[0] = (uint8_t)length;
	data[1] = (uint8_t)(length >> 8);
	return INPUT_HEAD + length + plan;
}

static size_t mutate_plan(uint8_t *data, size_t size)
{
	size_t at = input_plan(data, size);
	if (at < size)
		LLVMFuzzerMutate(data + at, size - at, size - at);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	random_start(seed);
	uint32_t kind = random_below(20);
	if (kind < 2 || size <= INPUT_HEAD) {
		size_t made = random_input(data, room);
		return made ? made : size;
	}
	if (kind < 8)
		return mutate_script(data, size, room);
	if (kind < 10)
		return mutate_plan(data, size);
	for (uint32_t i = 0, n = 1 + random_below(4); i < n; i++)
		random_change(data, size);
	return size;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded run of what the fuzzer runs, where there is no libFuzzer: the same inputs each time. */
#include "random_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 65536
#define PLANS 1500
#define CHANGES 12

/* One byte of the input, anywhere: mostly the plan is refused then, and must be. */
static void damage(uint8_t *input, size_t size)
{
	input[random_below((uint32_t)size)] ^= (uint8_t)(1u << random_below(8));
}

static void run_changes(const uint8_t *input, size_t size)
{
	uint8_t *changed = malloc(size);
	memcpy(changed, input, size);
	for (int i = 0; i < CHANGES; i++) {
		random_change(changed, size);
		if (random_below(4) == 0)
			damage(changed, size);
		run_input(changed, size);
	}
	free(changed);
}

int main(void)
{
	static uint8_t input[ROOM];
	printf("1..1\n");
	for (uint64_t seed = 1; seed <= PLANS; seed++) {
		random_start(seed);
		size_t size = random_input(input, ROOM);
		if (!size)
			continue;
		run_input(input, size);
		run_changes(input, size);
	}
	printf("ok 1 - %d plans and %d changes of each run on the fake kernel\n", PLANS, CHANGES);
	return 0;
}

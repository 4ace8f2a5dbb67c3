/* SPDX-License-Identifier: Apache-2.0 */
/* One input of the fuzzer: the parent's side as the spawner runs it, and the child's as firkin-init does. */
#include "fake_kernel.h"
#include "plan_access.h"
#include "random_plan.h"
#include "spawn.h"
#include "start.h"

#include <stdlib.h>
#include <string.h>

/* The plan in memory of its exact size, aligned. */
static const void *plan;
static size_t plan_size;

static void run_parent(void)
{
	struct spawn_outcome outcome;
	spawn_plan(plan, plan_size, FAKE_INIT, 0, &outcome);
	fake_take(outcome.pidfd);
	fake_take(outcome.terminal);
	fake_take(outcome.output);
	if (memchr(outcome.detail, 0, sizeof outcome.detail) == NULL)
		abort();
	fake_expect_nothing_left();
}

static void run_init(void)
{
	char name[] = "firkin-init", sync[] = "3", file[] = "4";
	char *argv[] = { name, sync, file, NULL };
	start_main(3, argv);
}

void run_input(const uint8_t *input, size_t size)
{
	size_t at = input_plan(input, size);
	plan_size = size - at;
	if (size < INPUT_HEAD || !plan_size)
		return;
	void *copy = malloc(plan_size);
	memcpy(copy, input + at, plan_size);
	plan = copy;
	fake_start_parent(input + INPUT_HEAD, at - INPUT_HEAD, plan, plan_size);
	fake_run(run_parent);
	fake_end();
	fake_start_child(input + INPUT_HEAD, at - INPUT_HEAD, plan, plan_size);
	fake_run(run_init);
	fake_end();
	free(copy);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "child_check.h"

#include <stdlib.h>
#include <string.h>

struct plan_maker maker;
struct run run;

void new_plan(void)
{
	static int prepared;
	if (!prepared)
		run_prepare(&run);
	prepared = 1;
	maker_start(&maker);
}

int run_operations(void)
{
	size_t size;
	void *plan = maker_finish(&maker, &size);
	CHECK_EQUAL(plan_check(&run.plan, plan, size), 0);
	run.detail[0] = 0;
	int r = run_section(&run, PLAN_CHILD, child_operations, child_operation_count);
	free(plan);
	new_plan();
	return r;
}

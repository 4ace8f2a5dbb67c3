/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "files.h"
#include "plan_maker.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct plan_maker maker;
static struct run run;
static void *buffer;
static int calls;

static int succeed(struct run *state, const struct plan_op *op)
{
	(void)state;
	CHECK_EQUAL(op->arg[0], calls);
	calls++;
	return 0;
}

static int answer_5(struct run *state, const struct plan_op *op)
{
	(void)state;
	(void)op;
	return 5;
}

static int fail(struct run *state, const struct plan_op *op)
{
	(void)op;
	run_detail(state, "because");
	return -EXDEV;
}

static const struct run_entry table[] = { { OP_UMASK, succeed }, { OP_DUMPABLE, answer_5 }, { OP_SETSID, fail } };

static void prepare(void)
{
	size_t size;
	free(buffer);
	buffer = maker_finish(&maker, &size);
	run_prepare(&run);
	CHECK_EQUAL(plan_check(&run.plan, buffer, size), 0);
	calls = 0;
}

static int run_child(void)
{
	prepare();
	return run_section(&run, PLAN_CHILD, table, sizeof table / sizeof table[0]);
}

static void an_empty_section_runs(void)
{
	maker_start(&maker);
	CHECK_EQUAL(run_child(), 0);
	CHECK_EQUAL(run.op, 0);
}

static void operations_run_in_order(void)
{
	maker_start(&maker);
	for (uint64_t i = 0; i < 5; i++)
		maker_add(&maker, PLAN_CHILD, UMASK, i);
	CHECK_EQUAL(run_child(), 0);
	CHECK_EQUAL(calls, 5);
	CHECK_EQUAL(run.op, 5);
}

static void the_first_failure_stops_the_section(void)
{
	maker_start(&maker);
	maker_add(&maker, PLAN_CHILD, UMASK, 0);
	maker_add(&maker, PLAN_CHILD, DUMPABLE, 0);
	maker_add(&maker, PLAN_CHILD, SETSID);
	maker_add(&maker, PLAN_CHILD, UMASK, 1);
	CHECK_EQUAL(run_child(), -EXDEV);
	CHECK_EQUAL(calls, 1);
	CHECK_EQUAL(run.op, 2);
	CHECK_TEXT(run.detail, "because");
}

static void an_operation_that_is_not_in_the_table_is_enosys(void)
{
	maker_start(&maker);
	maker_add(&maker, PLAN_CHILD, UMASK, 0);
	maker_add(&maker, PLAN_CHILD, NO_NEW_PRIVS);
	CHECK_EQUAL(run_child(), -ENOSYS);
	CHECK_EQUAL(run.op, 1);
}

static void only_the_section_asked_for_runs(void)
{
	maker_start(&maker);
	maker_add(&maker, PLAN_PARENT, AWAIT_EXEC);
	maker_add(&maker, PLAN_CHILD, UMASK, 0);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	CHECK_EQUAL(run_child(), 0);
	CHECK_EQUAL(calls, 1);
}

static void every_operation_has_a_function_on_its_sides(void)
{
	static const struct {
		uint32_t code, sides;
	} forms[] = {
#define P PLAN_SIDE_PARENT
#define C PLAN_SIDE_CHILD
#define U PLAN_SIDE_UNDO
#define FORM(code, name, text, sides, signature) { code, sides },
		PLAN_OPS(FORM)
#undef FORM
#undef P
#undef C
#undef U
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		int parent = 0, child = 0;
		for (unsigned n = 0; n < parent_operation_count; n++)
			parent += parent_operations[n].code == forms[i].code;
		for (unsigned n = 0; n < child_operation_count; n++)
			child += child_operations[n].code == forms[i].code;
		CHECK_EQUAL(parent, !!(forms[i].sides & (PLAN_SIDE_PARENT | PLAN_SIDE_UNDO)));
		CHECK_EQUAL(child, !!(forms[i].sides & PLAN_SIDE_CHILD));
	}
}

static void slots_start_empty(void)
{
	maker_start(&maker);
	prepare();
	CHECK_EQUAL(run_slot(&run, 0), -1);
	CHECK_EQUAL(run_slot(&run, PLAN_MAX_SLOTS - 1), -1);
	CHECK_EQUAL(run_slot(&run, PLAN_MAX_SLOTS), -1);
	CHECK_EQUAL(run_slot(&run, PLAN_NO_SLOT), -1);
	CHECK_EQUAL(run_slot(&run, UINT64_MAX), -1);
}

static void a_slot_that_is_filled_again_closes_what_was_in_it(void)
{
	maker_start(&maker);
	prepare();
	int before = check_open_descriptors();
	CHECK_EQUAL(run_fill(&run, 3, open("/", O_PATH)), 0);
	CHECK_EQUAL(run_fill(&run, 3, open("/", O_PATH)), 0);
	CHECK_EQUAL(check_open_descriptors(), before + 1);
	CHECK_EQUAL(run_fill(&run, 3, -EMFILE), -EMFILE);
	CHECK(run_slot(&run, 3) >= 0);
	CHECK_EQUAL(op_close(&run, &(struct plan_op){ .arg = { 3 } }), 0);
	CHECK_EQUAL(run_slot(&run, 3), -1);
	CHECK_EQUAL(check_open_descriptors(), before);
	CHECK_EQUAL(op_close(&run, &(struct plan_op){ .arg = { 3 } }), 0);
}

static void a_long_detail_is_cut(void)
{
	char text[2 * PLAN_DETAIL];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	run_detail(&run, text);
	CHECK_EQUAL(strlen(run.detail), PLAN_DETAIL - 1);
}

static const struct check_test tests[] = {
	TEST(an_empty_section_runs),
	TEST(operations_run_in_order),
	TEST(the_first_failure_stops_the_section),
	TEST(an_operation_that_is_not_in_the_table_is_enosys),
	TEST(only_the_section_asked_for_runs),
	TEST(every_operation_has_a_function_on_its_sides),
	TEST(slots_start_empty),
	TEST(a_slot_that_is_filled_again_closes_what_was_in_it),
	TEST(a_long_detail_is_cut),
};
CHECK_MAIN(tests)

/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "plan_access.h"
#include "plan_fill.h"
#include "plan_maker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARK "<------------->"

static struct plan_maker maker;
static struct plan plan;
static void *buffer;
static size_t size;

static int fill(const char *value)
{
	const struct plan_mark marks[] = { { "[unused]", 8, "x" }, { MARK, sizeof MARK - 1, value } };
	free(buffer);
	buffer = maker_finish(&maker, &size);
	return plan_fill(buffer, size, marks, 2);
}

static const struct plan_op *op_at(int section, uint32_t index)
{
	CHECK_EQUAL(plan_check(&plan, buffer, size), 0);
	return plan_ops(&plan, section) + index;
}

static void texts_and_bytes_are_filled(void)
{
	maker_start(&maker);
	maker.slots = 2;
	uint64_t bytes = maker_bytes(&maker, "a\0" MARK " and " MARK, 3 + 2 * (sizeof MARK - 1) + 5 - 1);
	maker_add(&maker, PLAN_PARENT, STATE_WRITE, 0, maker_text(&maker, "state"), 0600, bytes);
	maker_add(&maker, PLAN_PARENT, OPEN, 1, maker_text(&maker, "/run/" MARK "/x"), 0);
	CHECK_EQUAL(fill("web"), 0);
	struct plan_bytes found = plan_bytes(&plan, op_at(PLAN_PARENT, 0)->arg[3]);
	CHECK_EQUAL(found.size, 2 + 3 + 5 + 3);
	CHECK(!memcmp(found.data, "a\0web and web", found.size));
	CHECK_TEXT(plan_text(&plan, op_at(PLAN_PARENT, 1)->arg[1]), "/run/web/x");
	CHECK_EQUAL(op_at(PLAN_PARENT, 1)->arg[1] >> 32, 10);
}

static void who_shares_a_text_shares_what_it_becomes(void)
{
	maker_start(&maker);
	maker.slots = 2;
	uint64_t name = maker_text(&maker, MARK);
	maker_add(&maker, PLAN_PARENT, OPEN, 0, name, 0);
	maker_add(&maker, PLAN_CHILD, OPEN, 1, name, 0);
	CHECK_EQUAL(fill(""), 0);
	CHECK_EQUAL(op_at(PLAN_PARENT, 0)->arg[1], op_at(PLAN_CHILD, 0)->arg[1]);
	CHECK_EQUAL(op_at(PLAN_CHILD, 0)->arg[1] >> 32, 0);
	CHECK_TEXT(plan_text(&plan, op_at(PLAN_CHILD, 0)->arg[1]), "");
}

static void a_value_as_long_as_its_mark_fits_and_no_longer_one(void)
{
	maker_start(&maker);
	maker.slots = 1;
	maker_add(&maker, PLAN_PARENT, OPEN, 0, maker_text(&maker, MARK), 0);
	CHECK_EQUAL(fill("123456789012345"), 0);
	CHECK_TEXT(plan_text(&plan, op_at(PLAN_PARENT, 0)->arg[1]), "123456789012345");
	CHECK_EQUAL(fill("1234567890123456"), -EINVAL);
}

static void a_reference_that_leaves_the_text_is_refused(void)
{
	maker_start(&maker);
	maker.slots = 1;
	maker_add(&maker, PLAN_PARENT, OPEN, 0, (uint64_t)1 << 40, 0);
	CHECK_EQUAL(fill("web"), -EINVAL);
	maker_start(&maker);
	maker_add(&maker, PLAN_PARENT, OPEN, 0, 8, 0);
	CHECK_EQUAL(fill("web"), -EINVAL);
}

static void what_is_no_plan_is_refused(void)
{
	_Alignas(8) char nothing[256] = "";
	CHECK_EQUAL(plan_fill(nothing, sizeof nothing, 0, 0), -EINVAL);
	CHECK_EQUAL(plan_fill(nothing, 7, 0, 0), -EINVAL);
}

static const struct check_test tests[] = {
	TEST(texts_and_bytes_are_filled),
	TEST(who_shares_a_text_shares_what_it_becomes),
	TEST(a_value_as_long_as_its_mark_fits_and_no_longer_one),
	TEST(a_reference_that_leaves_the_text_is_refused),
	TEST(what_is_no_plan_is_refused),
};
CHECK_MAIN(tests)

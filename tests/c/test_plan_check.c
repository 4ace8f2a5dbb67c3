/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "plan_access.h"
#include "plan_maker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One plan for all tests: each damages a copy of it in one place. */
static struct plan_maker maker;
static char *buffer;
static size_t size;
static struct plan plan;

static struct plan_header *header(void)
{
	return (void *)buffer;
}

static struct plan_op *op_at(int section, uint32_t index)
{
	return (struct plan_op *)(void *)(buffer + header()->sections[section].offset) + index;
}

static uint64_t *word_at(uint64_t offset)
{
	return (void *)(buffer + offset);
}

static void finish(void)
{
	free(buffer);
	buffer = maker_finish(&maker, &size);
	CHECK(buffer);
}

static void make_plan(void)
{
	maker_start(&maker);
	maker.slots = 4;
	maker_add(&maker, PLAN_PARENT, OPEN, 3, maker_text(&maker, "/dev/null"), 0);
	maker_add(&maker, PLAN_PARENT, CLONE, 0, PLAN_NO_SLOT);
	uint64_t args = maker_texts(&maker, "sh", "-c", "true"), env = maker_texts(&maker, "A=1");
	maker_add(&maker, PLAN_CHILD, SETGROUPS, maker_bytes(&maker, "\1\0\0\0", 4));
	maker_add(&maker, PLAN_CHILD, EXEC, maker_texts(&maker, "/bin/sh"), args, env);
	maker_add(&maker, PLAN_UNDO, KILL_CHILD);
	finish();
}

static int check(void)
{
	return plan_check(&plan, buffer, size);
}

static void accepted(void)
{
	CHECK_EQUAL(check(), 0);
}

static void refused(void)
{
	CHECK_EQUAL(check(), -EINVAL);
	CHECK(!plan.header);
}

static void a_well_formed_plan_is_accepted(void)
{
	make_plan();
	accepted();
	const struct plan_op *exec = plan_ops(&plan, PLAN_CHILD) + 1;
	CHECK_TEXT(plan_text(&plan, plan_ops(&plan, PLAN_PARENT)->arg[1]), "/dev/null");
	CHECK_TEXT(plan_vector(&plan, exec->arg[1])[2], "true");
	CHECK(!plan_vector(&plan, exec->arg[1])[3]);
	CHECK_EQUAL(plan_bytes(&plan, plan_ops(&plan, PLAN_CHILD)->arg[0]).size, 4);
	CHECK_EQUAL(plan_bytes(&plan, plan_ops(&plan, PLAN_CHILD)->arg[0]).data[0], 1);
}

static void a_plan_without_operations_is_accepted(void)
{
	maker_start(&maker);
	finish();
	accepted();
}

static void a_checked_plan_passes_again(void)
{
	make_plan();
	accepted();
	accepted();
}

static void every_shorter_buffer_is_refused(void)
{
	make_plan();
	for (size_t n = 0; n < size; n++) {
		char *cut = malloc(n ? n : 1);
		memcpy(cut, buffer, n);
		int r = plan_check(&plan, cut, n);
		free(cut);
		CHECK_EQUAL(r, -EINVAL);
	}
}

static void a_longer_buffer_than_the_header_says_is_refused(void)
{
	make_plan();
	buffer = realloc(buffer, size + 8);
	memset(buffer + size, 0, 8);
	size += 8;
	refused();
}

static void other_magic_or_version_is_refused(void)
{
	make_plan();
	header()->magic ^= 1;
	refused();
	make_plan();
	header()->version++;
	refused();
}

static void an_unaligned_buffer_is_refused(void)
{
	make_plan();
	char *moved = malloc(size + 4);
	memcpy(moved + 4, buffer, size);
	int r = plan_check(&plan, moved + 4, size);
	free(moved);
	CHECK_EQUAL(r, -EINVAL);
}

static void too_many_slots_are_refused(void)
{
	make_plan();
	header()->slots = PLAN_MAX_SLOTS;
	accepted();
	make_plan();
	header()->slots = PLAN_MAX_SLOTS + 1;
	refused();
}

static void too_many_preserved_descriptors_are_refused(void)
{
	make_plan();
	header()->preserve_fds = 0xffff;
	accepted();
	make_plan();
	header()->preserve_fds = 0x10000;
	refused();
}

static void sections_past_the_end_are_refused(void)
{
	static const uint32_t offsets[] = { 0, 8, sizeof(struct plan_header) - 8, 0x7ffffff8, 0xfffffff8 };
	for (int section = 0; section < PLAN_SECTIONS; section++) {
		for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
			make_plan();
			header()->sections[section].offset = offsets[i];
			refused();
		}
		make_plan();
		header()->sections[section].offset = (uint32_t)size;
		refused();
	}
}

static void more_operations_than_there_are_are_refused(void)
{
	static const uint32_t counts[] = { PLAN_MAX_OPS, PLAN_MAX_OPS + 1, 0x04924925, 0xffffffff };
	make_plan();
	header()->sections[PLAN_UNDO].count++;
	refused();
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		make_plan();
		header()->sections[PLAN_UNDO].count = counts[i];
		refused();
	}
}

static void an_unaligned_section_is_refused(void)
{
	make_plan();
	header()->sections[PLAN_UNDO].offset -= 4;
	refused();
}

static void operations_inside_the_text_are_refused(void)
{
	make_plan();
	header()->sections[PLAN_CHILD].offset = header()->text.offset;
	refused();
	make_plan();
	header()->sections[PLAN_CHILD] = (struct plan_range){ header()->text.offset, 0 };
	refused();
}

static void text_over_the_header_or_past_the_end_is_refused(void)
{
	make_plan();
	header()->text.offset = 0;
	refused();
	make_plan();
	header()->text.count = (uint32_t)size;
	refused();
	make_plan();
	header()->text.count = 0xffffffff;
	refused();
	make_plan();
	header()->text.offset = 0xfffffff8;
	refused();
}

static void text_over_operations_is_refused(void)
{
	make_plan();
	header()->text.count += 8;
	refused();
}

static void text_without_an_end_is_refused(void)
{
	make_plan();
	buffer[header()->text.offset + header()->text.count - 1] = 'x';
	refused();
}

static void an_empty_text_area_is_refused(void)
{
	maker_start(&maker);
	finish();
	header()->text.count = 0;
	refused();
}

static void texts_that_leave_the_area_are_refused(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	const uint64_t bad[] = { 0, header()->text.offset - 1, end, end + 1, 0xffffffff, end - 1 + (1ull << 32),
				 header()->text.offset + (end << 32), 0xffffffffffffffff };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		make_plan();
		op_at(PLAN_PARENT, 0)->arg[1] = bad[i];
		refused();
	}
	make_plan();
	op_at(PLAN_PARENT, 0)->arg[1] = end - 1;
	accepted();
}

static void bytes_that_leave_the_area_are_refused(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	const uint64_t bad[] = { 0, end + 1, end | 1ull << 32, (end - 4) | 5ull << 32, end | 0xffffffffull << 32,
				 (uint64_t)size, 0xffffffff };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		make_plan();
		op_at(PLAN_CHILD, 0)->arg[0] = bad[i];
		refused();
	}
	make_plan();
	op_at(PLAN_CHILD, 0)->arg[0] = (end - 4) | 4ull << 32;
	accepted();
}

static void an_origin_outside_of_the_text_is_refused(void)
{
	make_plan();
	op_at(PLAN_UNDO, 0)->origin = header()->text.offset + header()->text.count;
	refused();
	make_plan();
	op_at(PLAN_UNDO, 0)->origin = 0;
	refused();
}

static void vectors_that_leave_the_area_are_refused(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	const uint64_t bad[] = { 0, end, (uint64_t)size, 8, 0xfffffffffffffff8, 1ull << 63, 1ull << 32 };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		make_plan();
		op_at(PLAN_CHILD, 1)->arg[2] = bad[i];
		refused();
	}
}

static void an_unaligned_vector_is_refused(void)
{
	make_plan();
	op_at(PLAN_CHILD, 1)->arg[1] += 4;
	refused();
}

static void a_vector_without_an_end_is_refused(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	*word_at(end - 8) = header()->text.offset;
	op_at(PLAN_CHILD, 1)->arg[1] = end - 8;
	refused();
}

static void an_entry_outside_of_the_text_is_refused(void)
{
	make_plan();
	uint64_t vector = op_at(PLAN_CHILD, 1)->arg[1];
	uint64_t end = header()->text.offset + header()->text.count;
	const uint64_t bad[] = { 1, header()->text.offset - 1, end, (uint64_t)size, 0xffffffffffffffff, 1ull << 63 };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		make_plan();
		*word_at(vector) = bad[i];
		refused();
	}
	make_plan();
	*word_at(vector) = (uintptr_t)buffer;
	refused();
	make_plan();
	*word_at(vector) = (uintptr_t)buffer + size;
	refused();
}

static void the_last_byte_of_the_text_is_an_entry(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	*word_at(op_at(PLAN_CHILD, 1)->arg[1]) = end - 1;
	accepted();
	CHECK_TEXT(plan_vector(&plan, op_at(PLAN_CHILD, 1)->arg[1])[0], "");
}

static void vectors_may_share_entries(void)
{
	make_plan();
	struct plan_op *exec = op_at(PLAN_CHILD, 1);
	exec->arg[0] = exec->arg[1];
	exec->arg[2] = exec->arg[1] + 8;
	accepted();
	CHECK_TEXT(plan_vector(&plan, exec->arg[0])[0], "sh");
	CHECK_TEXT(plan_vector(&plan, exec->arg[1])[1], "-c");
	CHECK_TEXT(plan_vector(&plan, exec->arg[2])[0], "-c");
	CHECK_TEXT(plan_vector(&plan, exec->arg[2])[1], "true");
}

static void a_vector_may_end_with_the_text(void)
{
	make_plan();
	uint64_t end = header()->text.offset + header()->text.count;
	*word_at(end - 16) = header()->text.offset;
	*word_at(end - 8) = 0;
	op_at(PLAN_CHILD, 1)->arg[1] = end - 16;
	accepted();
	CHECK_TEXT(plan_vector(&plan, op_at(PLAN_CHILD, 1)->arg[1])[0], "");
}

static void an_unknown_operation_is_refused(void)
{
	static const uint32_t codes[] = { 0, 8, 9999, 0xffffffff };
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		make_plan();
		op_at(PLAN_UNDO, 0)->code = codes[i];
		refused();
	}
}

static void an_operation_on_the_wrong_side_is_refused(void)
{
	make_plan();
	op_at(PLAN_UNDO, 0)->code = OP_SETSID;
	refused();
	make_plan();
	op_at(PLAN_PARENT, 0)->code = OP_SETSID;
	refused();
	make_plan();
	op_at(PLAN_CHILD, 0)->code = OP_CGROUP_ROOT;
	refused();
}

static void a_slot_out_of_range_is_refused(void)
{
	static const uint64_t slots[] = { 4, PLAN_MAX_SLOTS, PLAN_NO_SLOT, 0xffffffffffffffff };
	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
		make_plan();
		op_at(PLAN_PARENT, 0)->arg[0] = slots[i];
		refused();
	}
}

static void only_an_optional_slot_may_be_none(void)
{
	make_plan();
	op_at(PLAN_PARENT, 1)->arg[1] = 3;
	accepted();
	make_plan();
	op_at(PLAN_PARENT, 1)->arg[1] = 4;
	refused();
	make_plan();
	op_at(PLAN_PARENT, 1)->arg[1] = 0xffffffffffffffff;
	refused();
}

static void operations_have_names(void)
{
	CHECK_TEXT(plan_op_name(OP_EXEC), "exec");
	CHECK_TEXT(plan_op_name(OP_OPEN), "open");
	CHECK_TEXT(plan_op_name(0), "?");
}

static const struct check_test tests[] = {
	TEST(a_well_formed_plan_is_accepted),
	TEST(a_plan_without_operations_is_accepted),
	TEST(a_checked_plan_passes_again),
	TEST(every_shorter_buffer_is_refused),
	TEST(a_longer_buffer_than_the_header_says_is_refused),
	TEST(other_magic_or_version_is_refused),
	TEST(an_unaligned_buffer_is_refused),
	TEST(too_many_slots_are_refused),
	TEST(too_many_preserved_descriptors_are_refused),
	TEST(sections_past_the_end_are_refused),
	TEST(more_operations_than_there_are_are_refused),
	TEST(an_unaligned_section_is_refused),
	TEST(operations_inside_the_text_are_refused),
	TEST(text_over_the_header_or_past_the_end_is_refused),
	TEST(text_over_operations_is_refused),
	TEST(text_without_an_end_is_refused),
	TEST(an_empty_text_area_is_refused),
	TEST(texts_that_leave_the_area_are_refused),
	TEST(bytes_that_leave_the_area_are_refused),
	TEST(an_origin_outside_of_the_text_is_refused),
	TEST(vectors_that_leave_the_area_are_refused),
	TEST(an_unaligned_vector_is_refused),
	TEST(a_vector_without_an_end_is_refused),
	TEST(an_entry_outside_of_the_text_is_refused),
	TEST(the_last_byte_of_the_text_is_an_entry),
	TEST(vectors_may_share_entries),
	TEST(a_vector_may_end_with_the_text),
	TEST(an_unknown_operation_is_refused),
	TEST(an_operation_on_the_wrong_side_is_refused),
	TEST(a_slot_out_of_range_is_refused),
	TEST(only_an_optional_slot_may_be_none),
	TEST(operations_have_names),
};
CHECK_MAIN(tests)

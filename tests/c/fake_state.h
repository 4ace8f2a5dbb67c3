/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the fake kernel. */
#ifndef FIRKIN_FAKE_STATE_H
#define FIRKIN_FAKE_STATE_H

#include "fake_kernel.h"

#include <setjmp.h>

#define FAKE_DESCRIPTORS 2048

/* What a descriptor stands for, as far as answers depend on it. */
enum fake_kind { FAKE_OTHER, FAKE_STAT, FAKE_CGROUP_LIST, FAKE_CGROUP, FAKE_PROC, FAKE_TERMINAL, FAKE_CONTEXT };

struct fake_descriptor {
	uint8_t open, close_on_exec, kind, reads;
};

struct fake_state {
	const uint8_t *script;
	size_t script_size;
	const void *plan;
	size_t plan_size;
	struct fake_descriptor fds[FAKE_DESCRIPTORS];
	int first_free;   /* of the descriptors that were not open at the start */
	void *mapping;
	size_t mapping_size;
	int64_t time_ns;
	uint32_t arrived; /* the point at which the child waits, or 0 */
	long calls;
	int in_vfork;
	jmp_buf vfork_end, end;
};

extern struct fake_state fake;

typedef long fake_call(const long *arg);

struct fake_entry {
	long number;
	fake_call *call;
};

/* Both end with a zero number. */
extern const struct fake_entry fake_file_calls[], fake_process_calls[];

__attribute__((noreturn, format(printf, 1, 2))) void fake_die(const char *format, ...);

/* The next byte of the script; 0 at its end. */
uint8_t fake_byte(void);

/* Most often 0, sometimes -errno: how a call ends that returns nothing else. */
long fake_result(void);

/* Memory that the kernel would read or write. */
void fake_reads(const void *data, size_t size);
void fake_writes(void *data, size_t size);
const char *fake_text(long address); /* NULL stays NULL */
void fake_vector(long address);

/* A new descriptor, or -errno. */
long fake_open(enum fake_kind kind, int close_on_exec);
int fake_is_open(long fd);
enum fake_kind fake_kind_of(long fd);
long fake_close(long fd);
void fake_clear_descriptor(int fd);

/* Ends the program if one of ours would reach the program that is executed. */
void fake_check_inheritance(int allowed);

__attribute__((noreturn)) void fake_leave(void);

#endif

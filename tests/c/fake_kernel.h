/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel for fuzzing: it takes the place of syscalls_linux.c and does nothing. A script of bytes
 * decides how each call ends; where it is used up, calls succeed. Every buffer is touched in its whole
 * length, so that a sanitizer sees what the real kernel would overrun, and descriptors are counted:
 * the program is ended if one is closed twice, left open, or inherited by mistake.
 */
#ifndef FIRKIN_FAKE_KERNEL_H
#define FIRKIN_FAKE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define FAKE_INIT 3 /* firkin-init's file, for the parent */
#define FAKE_SYNC 3 /* the socket and the plan, for the child */
#define FAKE_PLAN 4

/*
 * Starts anew. `plan` is what mmap(2) maps. The parent has firkin-init's file open beside the standard
 * streams; the child inherits the socket and the plan.
 */
void fake_start_parent(const uint8_t *script, size_t script_size, const void *plan, size_t plan_size);
void fake_start_child(const uint8_t *script, size_t script_size, const void *plan, size_t plan_size);

/* Runs `entry` until it returns, executes a program or exits; how is of no interest. */
void fake_run(void (*entry)(void));

/* Closes a descriptor that the caller was given; -1 is none. */
void fake_take(int fd);

/* Ends the program unless just the descriptors of the start are open, and nothing is mapped. */
void fake_expect_nothing_left(void);

/* Forgets mappings. */
void fake_end(void);

#endif

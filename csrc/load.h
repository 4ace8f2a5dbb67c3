/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loads of firkin-load, by name. A family of them has a file load_FAMILY.c; a new one is a declaration here and a
 * line in the table of load.c.
 */
#ifndef FIRKIN_LOAD_H
#define FIRKIN_LOAD_H

struct load {
	const char *name;
	/* What it is called with, for the usage text; `count` words. */
	const char *arguments;
	int count;
	/* Runs until the process is killed, or returns its exit status. */
	int (*run)(char **arguments);
};

extern const struct load load_spin;
extern const struct load load_hold;
extern const struct load load_grow;
extern const struct load load_huge;
extern const struct load load_read;
extern const struct load load_block;
extern const struct load load_undo;
extern const struct load load_fork;
extern const struct load load_clock;
extern const struct load load_request;
extern const struct load load_request_from_period;

/* A decimal number above 0, or a message and an end of the process with status 2. */
unsigned long load_number(const char *text);

/* A line on standard output, at once. */
__attribute__((format(printf, 1, 2))) void load_say(const char *format, ...);

/* A line on standard error that tells what could not be done and why (`error` is an errno); returns 1. */
int load_failed(const char *what, int error);

__attribute__((noreturn)) void load_rest(void);

#endif

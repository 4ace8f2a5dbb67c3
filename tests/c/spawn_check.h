/* SPDX-License-Identifier: Apache-2.0 */
/* Plans that run for real: the spawner of this program, and firkin-init from $FIRKIN_INIT. */
#ifndef FIRKIN_SPAWN_CHECK_H
#define FIRKIN_SPAWN_CHECK_H

#include "check.h"
#include "plan_maker.h"
#include "spawn.h"

extern struct plan_maker maker;
extern struct spawn_outcome outcome;

/* Begins a new plan in `maker`. */
void start_plan(void);

/* The file of firkin-init. */
int check_init(void);

/* Adds the execution of a shell that runs `script`. */
void add_shell(const char *script);

/* Adds a hook that a shell runs. */
void add_hook(int section, const char *script, int64_t timeout_ms, uint64_t output);

/* Runs the plan and expects that it succeeds; or that an operation fails. */
void run_plan(void);
void fail_plan(int error, int section, uint32_t op);

/* The exit status of the process that a plan has started; closes what the outcome holds. */
int wait_outcome(void);
void close_outcome(void);

/* A file in the test's directory, and what it holds. */
const char *path_of(const char *name);
const char *content_of(const char *name);
int exists(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A log in the test's directory, read back without the times of its records. */
#ifndef FIRKIN_LOG_CHECK_H
#define FIRKIN_LOG_CHECK_H

#include "check.h"
#include "monitor_log.h"

extern struct log check_log;

/* Opens the log `name`, from scratch. */
void open_log(const char *name);

/* What a file holds, with every time checked and left out. */
const char *records_of(const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The few string functions that code without a C library needs. Results are cut to fit, never overrun. */
#ifndef FIRKIN_TEXT_H
#define FIRKIN_TEXT_H

#include <stddef.h>
#include <stdint.h>

size_t text_length(const char *s);
int text_equal(const char *a, const char *b);

/* Both return the length that `to` has now; text that does not fit is cut. */
size_t text_copy(char *to, size_t room, const char *from);
size_t text_append(char *to, size_t room, const char *from);
size_t text_append_number(char *to, size_t room, uint64_t number);

/* Whether the text fitted: the buffer is not full to its last byte. */
int text_fits(const char *s, size_t room);

int64_t text_number(const char *s); /* decimal digits up to the first other byte; -1 without any */

#endif

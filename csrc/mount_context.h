/* SPDX-License-Identifier: Apache-2.0 */
/* The context of a file system that is going to be mounted, as fsopen(2) gives it. */
#ifndef FIRKIN_MOUNT_CONTEXT_H
#define FIRKIN_MOUNT_CONTEXT_H

#include "plan_access.h"

#include <stddef.h>

/*
 * Sets options: pairs of texts, "=key" and its value, or "!key" and an empty text for a key without value.
 * 0 or -errno, -EINVAL if they are not such pairs.
 */
int context_set(int context, struct plan_bytes options);

/* What the kernel did not like, in its own words; `to` stays as it is if it says nothing. */
void context_message(int context, char *to, size_t room);

#endif

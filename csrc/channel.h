/* SPDX-License-Identifier: Apache-2.0 */
/* Records between parent and child; plan.h draws who sends what. */
#ifndef FIRKIN_CHANNEL_H
#define FIRKIN_CHANNEL_H

#include "message.h"
#include "plan.h"

#define CHANNEL_MAX_FDS MESSAGE_MAX_FDS

/* 0 or -errno. */
int channel_send(int socket, const struct plan_record *record, const int *fds, unsigned count);

/* Number of descriptors received into `fds` (all close-on-exec), -EPIPE at the end of the file. */
int channel_receive(int socket, struct plan_record *record, int *fds, unsigned room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors over a socket that keeps their boundaries (SOCK_SEQPACKET). */
#ifndef FIRKIN_MESSAGE_H
#define FIRKIN_MESSAGE_H

#include <stddef.h>
#include <sys/uio.h>

#define MESSAGE_MAX_FDS 64

/* What may travel beside the bytes: the descriptors, and of a received message how many came. */
struct message_fds {
	int *fds;
	unsigned count; /* to send; room, and then the number received */
};

/* Sends the parts as one message, with MSG_NOSIGNAL beside `flags`; 0 or -errno. `fds` may be 0. */
int message_send(int socket, const struct iovec *parts, size_t count, const struct message_fds *fds, int flags);

/*
 * Receives one message into the parts; its size, -EPIPE at the end of the file, -EBADMSG if it or its descriptors had
 * no room, or another -errno. Descriptors are close-on-exec; what has no room, or belongs to a refused message, is
 * closed.
 */
long message_receive(int socket, const struct iovec *parts, size_t count, struct message_fds *fds, int flags);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket belongs to the network namespace in which it was made, for as long as it lives. So a thread
 * that makes one elsewhere need only be there for that one call.
 */
#ifndef FIRKIN_NETNS_H
#define FIRKIN_NETNS_H

/* socket(2) in the network namespace `netns`, non-blocking and closed on exec: a descriptor or -errno. */
int netns_socket(int netns, int family, int type);

#endif

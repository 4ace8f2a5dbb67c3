/* SPDX-License-Identifier: Apache-2.0 */
/* Requests over rtnetlink(7), for what a plan does to network devices. */
#ifndef FIRKIN_NETLINK_H
#define FIRKIN_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_REQUEST 512

/* A request in the making, with room for its attributes. */
struct netlink_request {
	char data[NETLINK_REQUEST] __attribute__((aligned(8)));
};

/* Begins a request with a body of `size` bytes, which is zero; returns the body. */
void *netlink_begin(struct netlink_request *request, unsigned type, unsigned flags, size_t size);

/* Appends an attribute; what has no room makes the request one that netlink_ask() and netlink_list() refuse. */
void netlink_add(struct netlink_request *request, unsigned type, const void *data, size_t size);

/* A socket of the calling process's network namespace, or -errno. */
int netlink_open(void);

/* Sends the request and waits for its acknowledgement; 0 or -errno. */
int netlink_ask(int socket, struct netlink_request *request);

/* Called for a message of an answer; 0, or what ends the reading. */
typedef int netlink_visit(void *data, const struct nlmsghdr *message);

/* Sends a request for a list, or for one object, and visits what comes; 0 or -errno. */
int netlink_list(int socket, struct netlink_request *request, netlink_visit *visit, void *data);

/* The attribute of this type behind a body of `body` bytes, or 0; `size` is its length. */
const void *netlink_attribute(const struct nlmsghdr *message, size_t body, unsigned type, size_t *size);

#endif

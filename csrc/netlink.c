/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define ANSWER 16384

static struct nlmsghdr *header_of(struct netlink_request *request)
{
	return (struct nlmsghdr *)(void *)request->data;
}

static void copy(char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

void *netlink_begin(struct netlink_request *request, unsigned type, unsigned flags, size_t size)
{
	*request = (struct netlink_request){ 0 };
	struct nlmsghdr *header = header_of(request);
	header->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	header->nlmsg_type = (uint16_t)type;
	header->nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
	return request->data + NLMSG_HDRLEN;
}

void netlink_add(struct netlink_request *request, unsigned type, const void *data, size_t size)
{
	struct nlmsghdr *header = header_of(request);
	size_t at = NLMSG_ALIGN(header->nlmsg_len), end = at + RTA_LENGTH(size);
	if (header->nlmsg_len > NETLINK_REQUEST || end > NETLINK_REQUEST) {
		header->nlmsg_len = NETLINK_REQUEST + 1;
		return;
	}
	struct rtattr *attribute = (struct rtattr *)(void *)(request->data + at);
	attribute->rta_type = (uint16_t)type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(size);
	copy(request->data + at + RTA_LENGTH(0), data, size);
	header->nlmsg_len = (uint32_t)end;
}

int netlink_open(void)
{
	return (int)sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

static int send_request(int socket, struct netlink_request *request)
{
	struct nlmsghdr *header = header_of(request);
	if (header->nlmsg_len > NETLINK_REQUEST)
		return -E2BIG;
	struct iovec part = { request->data, header->nlmsg_len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	long n;
	do
		n = sys_sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n == -EINTR);
	return n < 0 ? (int)n : 0;
}

static long receive_answer(int socket, char *answer)
{
	struct iovec part = { answer, ANSWER };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	long n;
	do
		n = sys_recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	return n >= 0 && message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

/* 1: it goes on; 0: it was the last one. */
static int take(const struct nlmsghdr *header, netlink_visit *visit, void *data)
{
	if (header->nlmsg_type == NLMSG_DONE)
		return 0;
	if (header->nlmsg_type == NLMSG_ERROR)
		return *(const int *)(const void *)((const char *)header + NLMSG_HDRLEN);
	int r = visit ? visit(data, header) : 0;
	if (r < 0)
		return r;
	return header->nlmsg_flags & NLM_F_MULTI ? 1 : 0;
}

int netlink_list(int socket, struct netlink_request *request, netlink_visit *visit, void *data)
{
	static char answer[ANSWER] __attribute__((aligned(8)));
	int r = send_request(socket, request);
	if (r < 0)
		return r;
	for (;;) {
		long n = receive_answer(socket, answer);
		if (n <= 0)
			return n ? (int)n : -EPROTO;
		for (long at = 0; n - at >= (long)NLMSG_HDRLEN;) {
			const struct nlmsghdr *header = (const void *)(answer + at);
			if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > (unsigned long)(n - at) ||
			    (header->nlmsg_type == NLMSG_ERROR && header->nlmsg_len < NLMSG_LENGTH(sizeof(int))))
				return -EPROTO;
			r = take(header, visit, data);
			if (r <= 0)
				return r;
			at += NLMSG_ALIGN(header->nlmsg_len);
		}
	}
}

int netlink_ask(int socket, struct netlink_request *request)
{
	header_of(request)->nlmsg_flags |= NLM_F_ACK;
	return netlink_list(socket, request, 0, 0);
}

const void *netlink_attribute(const struct nlmsghdr *message, size_t body, unsigned type, size_t *size)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(body), end = message->nlmsg_len;
	while (at + RTA_LENGTH(0) <= end) {
		const struct rtattr *attribute = (const void *)((const char *)message + at);
		if (attribute->rta_len < RTA_LENGTH(0) || attribute->rta_len > end - at)
			return 0;
		if (attribute->rta_type == type) {
			*size = attribute->rta_len - RTA_LENGTH(0);
			return (const char *)attribute + RTA_LENGTH(0);
		}
		at += RTA_ALIGN(attribute->rta_len);
	}
	return 0;
}

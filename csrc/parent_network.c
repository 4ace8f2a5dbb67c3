/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network devices of the host go into the container's network namespace with the addresses that they have. The child
 * lends a socket of its namespace: what is done there the parent does.
 */
#include "files.h"
#include "netlink.h"
#include "parent.h"
#include "syscalls.h"
#include "text.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#define MOST_ADDRESSES 64
#define PERMANENT 0x80 /* IFA_F_PERMANENT: the others come and go by themselves */

struct address {
	struct ifaddrmsg head;
	unsigned local_size, peer_size;
	char local[16], peer[16];
};

struct device {
	int index;
	unsigned count;
	struct address addresses[MOST_ADDRESSES];
};

static int take_index(void *data, const struct nlmsghdr *message)
{
	const struct ifinfomsg *info = (const void *)((const char *)message + NLMSG_HDRLEN);
	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof *info))
		return -EPROTO;
	*(int *)data = info->ifi_index;
	return 0;
}

static int find_device(int socket, const char *name)
{
	struct netlink_request request;
	int index = 0;
	netlink_begin(&request, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	netlink_add(&request, IFLA_IFNAME, name, text_length(name) + 1);
	int r = netlink_list(socket, &request, take_index, &index);
	return r < 0 ? r : index;
}

static unsigned keep(char *to, const void *from, size_t size)
{
	if (!from || size > 16)
		return 0;
	for (size_t i = 0; i < size; i++)
		to[i] = ((const char *)from)[i];
	return (unsigned)size;
}

static int take_address(void *data, const struct nlmsghdr *message)
{
	struct device *device = data;
	const struct ifaddrmsg *head = (const void *)((const char *)message + NLMSG_HDRLEN);
	size_t size = 0;
	if (message->nlmsg_type != RTM_NEWADDR || message->nlmsg_len < NLMSG_LENGTH(sizeof *head))
		return -EPROTO;
	if ((int)head->ifa_index != device->index || head->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(head->ifa_flags & PERMANENT))
		return 0;
	if (device->count == MOST_ADDRESSES)
		return -E2BIG;
	struct address *address = &device->addresses[device->count++];
	address->head = *head;
	const void *found = netlink_attribute(message, sizeof *head, IFA_LOCAL, &size);
	address->local_size = keep(address->local, found, size);
	found = netlink_attribute(message, sizeof *head, IFA_ADDRESS, &size);
	address->peer_size = keep(address->peer, found, size);
	return 0;
}

static int find_addresses(int socket, struct device *device)
{
	struct netlink_request request;
	netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	return netlink_list(socket, &request, take_address, device);
}

static int move(int socket, const struct device *device, int pid, const char *name)
{
	struct netlink_request request;
	uint32_t target = (uint32_t)pid;
	struct ifinfomsg *info = netlink_begin(&request, RTM_NEWLINK, 0, sizeof *info);
	info->ifi_index = device->index;
	netlink_add(&request, IFLA_NET_NS_PID, &target, sizeof target);
	netlink_add(&request, IFLA_IFNAME, name, text_length(name) + 1);
	return netlink_ask(socket, &request);
}

static int give_address(int socket, int index, const struct address *address)
{
	struct netlink_request request;
	struct ifaddrmsg *head = netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *head);
	*head = address->head;
	head->ifa_index = (uint32_t)index;
	if (address->local_size)
		netlink_add(&request, IFA_LOCAL, address->local, address->local_size);
	if (address->peer_size)
		netlink_add(&request, IFA_ADDRESS, address->peer, address->peer_size);
	return netlink_ask(socket, &request);
}

static int set_up(int socket, int index)
{
	struct netlink_request request;
	struct ifinfomsg *info = netlink_begin(&request, RTM_NEWLINK, 0, sizeof *info);
	info->ifi_index = index;
	info->ifi_flags = info->ifi_change = IFF_UP;
	return netlink_ask(socket, &request);
}

static int furnish(int socket, const struct device *device, const char *name)
{
	int index = find_device(socket, name), r = index < 0 ? index : 0;
	for (unsigned i = 0; i < device->count && r >= 0; i++)
		r = give_address(socket, index, &device->addresses[i]);
	return r < 0 ? r : set_up(socket, index);
}

int op_net_device(struct run *run, const struct plan_op *op)
{
	static struct device device;
	const char *name = run_text(run, op->arg[0]), *new_name = run_text(run, op->arg[1]);
	if (!run->pid || run->network < 0)
		return -ESRCH;
	int socket = netlink_open();
	if (socket < 0)
		return socket;
	device.count = 0;
	device.index = find_device(socket, name);
	int r = device.index < 0 ? device.index : find_addresses(socket, &device);
	if (r >= 0)
		r = move(socket, &device, run->pid, new_name);
	if (r >= 0)
		r = furnish(run->network, &device, new_name);
	sys_close(socket);
	return r;
}

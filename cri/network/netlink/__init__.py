"""Netlink: pyroute2's message classes, sockets of our own, and the few requests that a pod's network is made of."""

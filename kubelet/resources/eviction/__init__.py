"""What the node does when it runs out of memory, disk or processes."""

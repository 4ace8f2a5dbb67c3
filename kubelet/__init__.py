"""The node agent: keeps pods running on one machine, through the Container Runtime Interface."""

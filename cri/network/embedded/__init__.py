"""The built-in network: a bridge, a veth pair for each pod, addresses from ranges, and nftables."""

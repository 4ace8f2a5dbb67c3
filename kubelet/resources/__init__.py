"""What pods get of the node: classes of service, cgroups, admission, and eviction when the node runs out."""

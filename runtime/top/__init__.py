"""The live view of the tree of cgroups."""

"""cgroup v2 as a library."""

"""firkin: run containers on Linux, measure how cgroup v2 shares a machine."""

__version__ = "0.1.0"

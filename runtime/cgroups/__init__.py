"""What `firkin cgroup` shows and does."""

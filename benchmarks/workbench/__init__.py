"""The workbench: how cgroup v2 shares a machine out, predicted and measured. `firkin bench`."""

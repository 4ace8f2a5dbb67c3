"""Cgroups that systemd makes: transient scopes and slices, over D-Bus."""

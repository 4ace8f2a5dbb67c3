"""Pod sandboxes: made, stopped, removed, shown."""

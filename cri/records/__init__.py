"""What the server knows of sandboxes and containers: in memory to read, in SQLite to outlive the process."""

"""One container's life: plan, spawn, state, exec, hooks, and the OCI command line."""

"""The container runtime, as the agent sees it: the calls of CRI over its socket."""

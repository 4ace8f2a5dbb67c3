"""The plan: what is done to start a process in a container, as one buffer (csrc/plan.h)."""

"""Commands for pods, with kubectl's words."""

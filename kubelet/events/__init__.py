"""Events: what happened to an object, told once and counted."""

"""Which objects are allowed: the rules and the words of the API server of Kubernetes, all faults at once."""

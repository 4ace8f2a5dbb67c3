"""The agent's API: the paths and objects of Kubernetes' REST API for the kinds that it has."""

"""The objects of the Kubernetes API that the agent knows: what manifests say and what status is reported."""

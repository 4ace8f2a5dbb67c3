"""Metrics of the agent, by the names that the kubelet and cAdvisor gave them."""

"""What is seen of the agent from outside: streams, logs, statistics and metrics, over HTTPS."""

"""What makes pods: Deployments, DaemonSets, Jobs and CronJobs, each decided by a pure function."""

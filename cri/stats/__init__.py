"""What pods and containers use, read from their cgroups when somebody asks."""

"""What node, pods and containers use, in the form of the kubelet's summary."""

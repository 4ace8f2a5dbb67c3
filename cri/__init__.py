"""The Kubernetes Container Runtime Interface, v1: sandboxes, containers, images, streams, networks, over gRPC."""

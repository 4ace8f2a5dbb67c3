"""Volumes of pods: made on the node before containers start, taken away when the pod is gone."""

"""Checkpoints: processes of a container written to files by CRIU, and made again of them."""

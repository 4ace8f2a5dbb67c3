"""Comparisons with other runtimes."""

"""How many answers a probe had, and how long they took."""

from __future__ import annotations

from bisect import bisect_left

from firkin.kubelet.probes.step import Outcome

__all__ = ["BOUNDS", "Tally"]

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the histogram's buckets, in seconds: those that clients of Prometheus have by default."""


class Tally:
    """Counts of answers, and a histogram of the durations of those that were successes."""

    __slots__ = ("buckets", "failed", "seconds", "successful", "unknown")

    def __init__(self) -> None:
        self.successful = 0
        self.failed = 0
        self.unknown = 0
        self.seconds = 0.0
        # The last one is of those that exceed all bounds.
        self.buckets = [0] * (len(BOUNDS) + 1)

    def add(self, outcome: Outcome, seconds: float) -> None:
        """Count one answer that took so long."""
        if outcome is Outcome.FAILURE:
            self.failed += 1
        elif outcome is Outcome.UNKNOWN:
            self.unknown += 1
        else:
            self.successful += 1
            self.seconds += seconds
            self.buckets[bisect_left(BOUNDS, seconds)] += 1

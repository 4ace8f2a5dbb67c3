"""Pressure: which part of the time tasks of a group wait for what they lack, as its *.pressure files show it.

Documentation/accounting/psi.rst, kernel/sched/psi.c (the comment at its top).
"""

from __future__ import annotations

__all__ = ["full", "some"]


def some(delayed: int, productive: int, processors: int) -> float:
    """The part of the time in which a task waits, with so many that always wait and so many that always run.

    It is what the machine could do and is lost: of as many threads as can run at once, how many wait.
    """
    threads = min(delayed + productive, processors)
    return min(delayed / threads, 1.0) if threads else 0.0


def full(delayed: int, productive: int, processors: int) -> float:
    """The part of the time in which nobody does anything, because all who would wait."""
    threads = min(delayed + productive, processors)
    return (threads - min(productive, threads)) / threads if threads else 0.0

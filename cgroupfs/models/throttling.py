"""memory.high: how long an allocating thread is made to wait when its group is beyond it.

mm/memcontrol.c (calculate_high_delay, __mem_cgroup_handle_over_high), since Linux 5.4.
"""

from __future__ import annotations

__all__ = ["BATCH", "high_delay", "high_rate"]

BATCH = 64  # pages: MEMCG_CHARGE_BATCH, what is charged at a time
_PRECISION, _SCALING = 20, 14  # MEMCG_DELAY_PRECISION_SHIFT, MEMCG_DELAY_SCALING_SHIFT
_MOST = 2.0  # seconds: MEMCG_MAX_HIGH_DELAY_JIFFIES
_LEAST = 0.01  # seconds: what is shorter is not slept


def high_delay(usage: float, high: float, pages: int = BATCH, *, page: int = 4096) -> float:
    """Seconds that a thread sleeps on its way back to user space after it charged so many `pages`.

    `usage` and `high` are bytes. It grows with the square of how far the group is beyond `high`, from nothing to two
    seconds; reclaim is tried first, so what counts is what could not be reclaimed. The same delay may come from an
    ancestor: the largest of all counts.
    """
    over = usage // page - high // page
    if over <= 0:
        return 0.0
    overage = int(over) << _PRECISION
    overage //= max(int(high // page), 1)
    seconds = overage * overage / (1 << _PRECISION) / (1 << _SCALING) * pages / BATCH
    seconds = min(seconds, _MOST)
    return seconds if seconds > _LEAST else 0.0


def high_rate(usage: float, high: float, *, page: int = 4096) -> float:
    """Bytes a second at which one thread goes on growing if nothing can be reclaimed; inf if nothing slows it."""
    delay = high_delay(usage, high, page=page)
    return BATCH * page / delay if delay else float("inf")

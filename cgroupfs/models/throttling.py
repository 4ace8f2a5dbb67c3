"""memory.high: how long an allocating thread is made to wait when its group is beyond it.

mm/memcontrol.c (calculate_high_delay, __mem_cgroup_handle_over_high), since Linux 5.4.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BATCH", "growth", "high_delay", "high_rate", "slept"]

BATCH = 64  # pages: MEMCG_CHARGE_BATCH, what is charged at a time
_PRECISION, _SCALING = 20, 14  # MEMCG_DELAY_PRECISION_SHIFT, MEMCG_DELAY_SCALING_SHIFT
_MOST = 2.0  # seconds: MEMCG_MAX_HIGH_DELAY_JIFFIES
_LEAST = 0.01  # seconds: what is shorter is not slept
_LEVEL, _LEVEL_SHIFT = 63, 3  # ticks: LVL_START(1), LVL_CLK_SHIFT of kernel/time/timer.c


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


def slept(delay: float, tick: float) -> float:
    """How long such a delay takes, on average, with a timer that goes by `tick` seconds; exactly, if that is 0.

    It is cut down to whole ticks, and is over when one more has passed; the longer it is, the coarser the wheel turns
    (kernel/time/timer.c, calc_wheel_index).
    """
    if not tick:
        return delay
    ticks, coarseness, level = int(delay / tick + 1e-9), 1, _LEVEL
    while ticks >= level:
        coarseness, level = coarseness << _LEVEL_SHIFT, level << _LEVEL_SHIFT
    return (ticks + (coarseness + 1) / 2) * tick


def growth(high: float, seconds: float, *, page: int = 4096, tick: float = 0.0) -> Iterator[tuple[float, float]]:
    """How one thread goes on growing that takes memory as fast as it can, of which nothing can be reclaimed.

    Gives pairs of a time and the usage from then on, until `seconds` after it first waits: from there it waits for each
    batch. As the delay is 64 x**2 seconds at x times `high` beyond it, x grows with the cube root of the time:
    (3 t / pages of `high`) ** (1 / 3). `tick` is that of the timer, for `slept`.
    """
    now, usage = 0.0, float(high)
    while now <= seconds:
        if delay := high_delay(usage, high, page=page):
            yield now, usage
            now += slept(delay, tick)
        usage += BATCH * page

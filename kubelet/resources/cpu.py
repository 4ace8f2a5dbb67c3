"""Processors as the kernel counts them: thousandths become shares and quotas.

Source: Documentation/scheduler/sched-bwc.rst; the values are those of the kubelet.
"""

from __future__ import annotations

__all__ = ["PERIOD", "quota_of", "shares_of"]

PERIOD = 100_000
"""Microseconds: of this long a quota is a part."""

_LEAST_SHARES = 2
_MOST_SHARES = 262_144
_LEAST_QUOTA = 1000  # microseconds; the kernel takes no less


def shares_of(milli: int) -> int:
    """Shares of cgroup v1, 1024 for one processor; runtimes turn them into a weight."""
    return min(max(milli * 1024 // 1000, _LEAST_SHARES), _MOST_SHARES)


def quota_of(milli: int, period: int = PERIOD) -> int:
    """Microseconds of processor time within `period`; 0 for no limit."""
    return max(milli * period // 1000, _LEAST_QUOTA) if milli else 0

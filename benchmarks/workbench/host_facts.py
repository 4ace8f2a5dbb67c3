"""What must be told of a host with results, for who compares them with others."""

from __future__ import annotations

import os
import time

__all__ = ["host_facts"]


def host_facts() -> dict[str, object]:
    """`kernel`, `processors` that may be used, `memory` in bytes, `date` in UTC, and the `load` of one minute."""
    return {
        "kernel": os.uname().release,
        "processors": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE"),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load": os.getloadavg()[0],
    }

"""Cache and memory bandwidth allocation by resctrl (config-linux.md#intelrdt)."""

from __future__ import annotations

from firkin.oci.record import Record

__all__ = ["IntelRdt"]


class IntelRdt(Record, clos_id="closID"):
    """The container's resctrl group and the lines for its `schemata` file; `clos_id` "/" is the default group."""

    clos_id: str = ""
    schemata: tuple[str, ...] = ()
    l3_cache_schema: str = ""
    mem_bw_schema: str = ""
    enable_monitoring: bool = False

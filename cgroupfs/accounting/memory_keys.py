"""The keys of memory.stat, in the kernel's order as far as it has one over time.

Source: Documentation/admin-guide/cgroup-v2.rst, memory.stat; mm/memcontrol.c, `memory_stats` and
`memcg_vm_event_stat`.
"""

from __future__ import annotations

__all__ = ["MEMORY_STAT_KEYS"]

_AMOUNTS = """
    anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped zswap_incomp
    file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon
    inactive_file active_file unevictable slab_reclaimable slab_unreclaimable slab hugetlb gpu_active gpu_reclaim
"""
_EVENTS = """
    workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file
    workingset_restore_anon workingset_restore_file workingset_nodereclaim
    pgdemote_kswapd pgdemote_direct pgdemote_khugepaged pgdemote_proactive pgsteal_kswapd pgsteal_direct
    pgsteal_khugepaged pgsteal_proactive pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_proactive pgrefill
    pgpromote_success pgscan pgsteal pswpin pswpout pgfault pgmajfault pgactivate pgdeactivate pglazyfree pglazyfreed
    swpin_zero swpout_zero zswpin zswpout zswpwb thp_fault_alloc thp_collapse_alloc thp_swpout thp_swpout_fallback
    numa_pages_migrated numa_pte_updates numa_hint_faults numa_task_migrated numa_task_swapped
"""

MEMORY_STAT_KEYS = (*_AMOUNTS.split(), *_EVENTS.split())
"""Amounts in bytes, then counts of events."""

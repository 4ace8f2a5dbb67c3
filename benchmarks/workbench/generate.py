"""A node on paper: so many groups in the three classes of quality of service, as a kubelet would have them.

Guaranteed pods are below `kubepods`, the others below `burstable` and `besteffort` in it. Weights follow from requests
(kubelet and runtimes make 1024 shares of one processor, and of these cpu.weight), limits are cpu.max and memory.max,
and what is requested of memory is protected, as with the feature MemoryQoS. The same seed gives the same node.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from firkin.errors import UsageError

__all__ = ["SIZES", "generated_tree", "weight_of", "write_tree"]

SIZES = (10, 1_000_000)
"""How many groups there may be, at least and at most."""

_GROUPS_PER_CPU, _MEMORY_PER_CPU = 24, 4096  # MiB
_CLASSES = ("guaranteed", "burstable", "besteffort")
_PARTS = (3, 5, 2)


def write_tree(groups: str, seed: int) -> int:
    """Write a tree of so many groups to standard output; returns 0. Raises UsageError for what is no such number."""
    least, most = SIZES
    if not (groups.isascii() and groups.isdecimal() and least <= int(groups) <= most):
        raise UsageError(f"bench generate: '{groups}' is not a number of groups from {least} to {most}")
    sys.stdout.writelines(generated_tree(int(groups), seed))
    return 0


def weight_of(cpu: float) -> int:
    """cpu.weight for a request of processors: 1024 shares each, 2 to 262144, as 1 to 10000."""
    shares = min(max(int(cpu * 1024), 2), 262144)
    return 1 + (shares - 2) * 9999 // 262142


def generated_tree(groups: int, seed: int) -> Iterator[str]:
    """The lines of a tree file with so many groups, those above the pods included."""
    source = random.Random(seed)
    cpus = max(2, groups // _GROUPS_PER_CPU)
    pods: dict[str, list[tuple[str, float, float]]] = {name: [] for name in _CLASSES}
    for number in range(groups - 3):
        name = source.choices(_CLASSES, _PARTS)[0]
        cpu = source.choice((0.05, 0.1, 0.25, 0.5, 1.0, 2.0)) if name != "besteffort" else 0.0
        pods[name].append((f"pod{number}", cpu, source.choice((64, 128, 256, 512))))
    yield f"# {groups} groups, seed {seed}: what firkin bench generate makes\n"
    yield f"machine: {{cpus: {min(cpus, 8192)}, memory: {cpus * _MEMORY_PER_CPU}M}}\n"
    yield "groups:\n"
    yield "  kubepods:\n"
    yield "    groups:\n"
    for name, cpu, memory in pods["guaranteed"]:
        yield f"      {name}: {_guaranteed(source, cpu, memory)}\n"
    for kind, members in (("burstable", pods["burstable"]), ("besteffort", pods["besteffort"])):
        weight = weight_of(sum(cpu for _, cpu, _ in members))
        yield f"      {kind}:\n        cpu.weight: {weight}\n        groups:{'' if members else ' {}'}\n"
        for name, cpu, memory in members:
            yield f"          {name}: {_burstable(source, cpu, memory) if cpu else _best_effort(source, memory)}\n"


def _guaranteed(source: random.Random, cpu: float, memory: float) -> str:
    used = cpu * source.uniform(0.3, 1.1)
    held = memory * source.uniform(0.5, 0.95)
    return (
        f"{{cpu.weight: {weight_of(cpu)}, cpu.max: {cpu:g}, memory.min: {memory:g}M, memory.max: {memory:g}M, "
        f"demand: {{cpu: {used:.3f}, threads: 4, memory: {held:.0f}M}}}}"
    )


def _burstable(source: random.Random, cpu: float, memory: float) -> str:
    used, held = cpu * source.uniform(0.1, 3), memory * source.uniform(0.3, 1.9)
    return (
        f"{{cpu.weight: {weight_of(cpu)}, cpu.max: {2 * cpu:g}, memory.low: {memory:g}M, memory.max: {2 * memory:g}M, "
        f"demand: {{cpu: {used:.3f}, threads: 8, memory: {held:.0f}M}}}}"
    )


def _best_effort(source: random.Random, memory: float) -> str:
    return f"{{cpu.weight: 1, demand: {{threads: 2, memory: {memory * source.uniform(0.1, 1):.0f}M}}}}"

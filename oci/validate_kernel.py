"""Rules for kernel settings: sysctl, clocks, personality, memory policy, resctrl (config-linux.md)."""

from __future__ import annotations

from firkin.errors import ConfigError, UnsupportedError
from firkin.oci.annotation import subscript
from firkin.oci.checks import known, known_all, one_line
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from firkin.oci.runtime_spec.intel_rdt import IntelRdt
    from firkin.oci.runtime_spec.linux import Linux, MemoryPolicy, Personality

__all__ = ["check_kernel"]

_MODES = (
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
)
_MODE_FLAGS = ("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES")


def check_kernel(linux: Linux, namespaces: Collection[str]) -> None:
    """Check kernel settings of a Linux section; `namespaces` are the types of its namespaces. Raises ConfigError."""
    _check_sysctl(linux.sysctl)
    if linux.time_offsets:
        _check_time_offsets(linux, namespaces)
    if linux.personality:
        _check_personality(linux.personality)
    if linux.memory_policy:
        _check_memory_policy(linux.memory_policy)
    if linux.intel_rdt:
        _check_intel_rdt(linux.intel_rdt)


def _check_sysctl(sysctl: Mapping[str, str]) -> None:
    for key, value in sysctl.items():
        path = f"linux.sysctl{subscript(key)}"
        one_line(key, path)
        # Dots separate as slashes do, so this also stops "..".
        if not all(key.replace("/", ".").split(".")):
            raise ConfigError(path, f"{dump(key)} is not the name of a kernel parameter")
        one_line(value, path)


def _check_time_offsets(linux: Linux, namespaces: Collection[str]) -> None:
    if "time" not in namespaces:
        hint = 'add {"type": "time"} to linux.namespaces'
        raise ConfigError("linux.timeOffsets", "the container has no time namespace", hint=hint)
    if any(namespace.path for namespace in linux.namespaces if namespace.type == "time"):
        raise ConfigError("linux.timeOffsets", "can not be set on a time namespace that is joined")
    for clock, offset in linux.time_offsets.items():
        path = f"linux.timeOffsets{subscript(clock)}"
        known(clock, ("monotonic", "boottime"), path, "clock")
        if offset.nanosecs >= 1_000_000_000:
            raise ConfigError(f"{path}.nanosecs", f"must be less than a second, got {offset.nanosecs}")


def _check_personality(personality: Personality) -> None:
    known(personality.domain, ("LINUX", "LINUX32"), "linux.personality.domain", "execution domain")
    if personality.flags:
        raise UnsupportedError("linux.personality.flags[0]", f"flag {dump(personality.flags[0])}: none is defined yet")


def _check_memory_policy(policy: MemoryPolicy) -> None:
    known(policy.mode, _MODES, "linux.memoryPolicy.mode", "memory policy")
    known_all(policy.flags, _MODE_FLAGS, "linux.memoryPolicy.flags", "memory policy flag")
    if not set(policy.nodes) <= set("0123456789,-"):
        raise ConfigError("linux.memoryPolicy.nodes", f"must be a list such as 0-3,7, got {dump(policy.nodes)}")
    # mpol_new() of mm/mempolicy.c; MPOL_PREFERRED takes both.
    if policy.mode in ("MPOL_DEFAULT", "MPOL_LOCAL"):
        if policy.nodes:
            raise ConfigError("linux.memoryPolicy.nodes", f"must be empty for {policy.mode}")
    elif policy.mode != "MPOL_PREFERRED" and not policy.nodes:
        raise ConfigError("linux.memoryPolicy.nodes", f"must not be empty for {policy.mode}")


def _check_intel_rdt(rdt: IntelRdt) -> None:
    one_line(rdt.clos_id, "linux.intelRdt.closID")
    if rdt.clos_id in (".", "..") or ("/" in rdt.clos_id and rdt.clos_id != "/"):
        raise ConfigError("linux.intelRdt.closID", f"must be the name of a directory or /, got {dump(rdt.clos_id)}")
    one_line(rdt.l3_cache_schema, "linux.intelRdt.l3CacheSchema")
    one_line(rdt.mem_bw_schema, "linux.intelRdt.memBwSchema")
    if rdt.mem_bw_schema and not rdt.mem_bw_schema.startswith("MB:"):
        raise ConfigError("linux.intelRdt.memBwSchema", f'must start with "MB:", got {dump(rdt.mem_bw_schema)}')
    for index, line in enumerate(rdt.schemata):
        one_line(line, f"linux.intelRdt.schemata[{index}]")

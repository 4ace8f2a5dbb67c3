"""The OCI runtime specification 1.3.0, Linux, as records; each class is imported when it is first used.

`load_config` reads a `config.json`; `firkin.oci.record.decode` reads any other part of it, such as the process of
an exec or the resources of an update. Sections of other platforms are kept as raw JSON.
Source: https://github.com/opencontainers/runtime-spec/tree/v1.3.0 (config.md, config-linux.md, schema/).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.runtime_spec.config import Config, Hook, Hooks, Mount, Root, load_config
    from firkin.oci.runtime_spec.intel_rdt import IntelRdt
    from firkin.oci.runtime_spec.linux import (
        Device,
        IdMapping,
        Linux,
        MemoryPolicy,
        Namespace,
        NetDevice,
        Personality,
        TimeOffset,
    )
    from firkin.oci.runtime_spec.process import (
        Box,
        Capabilities,
        ExecCPUAffinity,
        IOPriority,
        Process,
        Rlimit,
        Scheduler,
        User,
    )
    from firkin.oci.runtime_spec.resources import (
        BlockIo,
        Cpu,
        DeviceRule,
        HugepageLimit,
        InterfacePriority,
        Memory,
        Network,
        Pids,
        Rdma,
        Resources,
        ThrottleDevice,
        WeightDevice,
    )
    from firkin.oci.runtime_spec.seccomp import Seccomp, Syscall, SyscallArg

__all__ = [
    "BlockIo",
    "Box",
    "Capabilities",
    "Config",
    "Cpu",
    "Device",
    "DeviceRule",
    "ExecCPUAffinity",
    "Hook",
    "Hooks",
    "HugepageLimit",
    "IOPriority",
    "IdMapping",
    "IntelRdt",
    "InterfacePriority",
    "Linux",
    "Memory",
    "MemoryPolicy",
    "Mount",
    "Namespace",
    "NetDevice",
    "Network",
    "Personality",
    "Pids",
    "Process",
    "Rdma",
    "Resources",
    "Rlimit",
    "Root",
    "Scheduler",
    "Seccomp",
    "Syscall",
    "SyscallArg",
    "ThrottleDevice",
    "TimeOffset",
    "User",
    "WeightDevice",
    "load_config",
]

_NAMES = {
    "config": "Config Hook Hooks Mount Root load_config",
    "intel_rdt": "IntelRdt",
    "linux": "Device IdMapping Linux MemoryPolicy Namespace NetDevice Personality TimeOffset",
    "process": "Box Capabilities ExecCPUAffinity IOPriority Process Rlimit Scheduler User",
    "resources": "BlockIo Cpu DeviceRule HugepageLimit InterfacePriority Memory Network Pids Rdma Resources"
    " ThrottleDevice WeightDevice",
    "seccomp": "Seccomp Syscall SyscallArg",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        for module, names in _NAMES.items():
            if name in names.split():
                value = globals()[name] = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

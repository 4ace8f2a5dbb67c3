"""Documents that the tests of the OCI records share."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def full_document() -> dict[str, Any]:
    """A valid configuration in which each field of the specification has a value other than its default."""
    return {
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [
            {
                "destination": "/data",
                "type": "none",
                "source": "/volumes/data",
                "options": ["rbind", "idmap"],
                "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
                "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 10}],
            },
            {"destination": "/proc", "type": "proc", "source": "proc"},
        ],
        "process": _process(),
        "hostname": "cask",
        "domainname": "cellar.example",
        "hooks": {
            "prestart": [{"path": "/bin/a", "args": ["a", "1"], "env": ["A=1"], "timeout": 1}],
            "createRuntime": [{"path": "/bin/b"}],
            "createContainer": [{"path": "/bin/c"}],
            "startContainer": [{"path": "/bin/d"}],
            "poststart": [{"path": "/bin/e"}],
            "poststop": [{"path": "/bin/f"}],
        },
        "annotations": {"com.example.key": "value"},
        "linux": _linux(),
        "windows": {"layerFolders": ["a"]},
        "solaris": {"milestone": "svc:/milestone/container:default"},
        "vm": {"kernel": {"path": "/k"}},
        "zos": {"namespaces": []},
        "freebsd": {"jail": {"host": "new"}},
    }


def _process() -> dict[str, Any]:
    return {
        "cwd": "/work",
        "terminal": True,
        "consoleSize": {"height": 24, "width": 80},
        "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [3, 4], "username": "cooper"},
        "args": ["sh", "-c", "true"],
        "commandLine": "cmd",
        "env": ["A=1", "B"],
        "capabilities": {
            "bounding": ["CAP_KILL"],
            "effective": ["CAP_KILL"],
            "inheritable": ["CAP_CHOWN"],
            "permitted": ["CAP_KILL"],
            "ambient": ["CAP_KILL"],
        },
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 18446744073709551615}],
        "noNewPrivileges": True,
        "apparmorProfile": "profile",
        "oomScoreAdj": -500,
        "scheduler": {
            "policy": "SCHED_DEADLINE",
            "nice": -1,
            "priority": 0,
            "flags": ["SCHED_FLAG_RECLAIM"],
            "runtime": 1,
            "deadline": 2,
            "period": 3,
        },
        "selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0",
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4},
        "execCPUAffinity": {"initial": "0-3,7", "final": "1"},
    }


def _linux() -> dict[str, Any]:
    kinds = ("pid", "mount", "ipc", "uts", "user", "cgroup", "time")
    return {
        "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
        "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 32000}],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "resources": _resources(),
        "cgroupsPath": "/firkin/a",
        "namespaces": [{"type": "network", "path": "/run/netns/a"}, *({"type": kind} for kind in kinds)],
        "devices": [
            {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 1, "gid": 2},
            {"path": "/run/fifo", "type": "p"},
        ],
        "netDevices": {"eth0": {"name": "container_eth0"}, "eth1": {}},
        "seccomp": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 38,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "listenerPath": "/run/agent.sock",
            "listenerMetadata": "metadata",
            "syscalls": [
                {
                    "names": ["mknod", "mknodat"],
                    "action": "SCMP_ACT_TRACE",
                    "errnoRet": 1,
                    "args": [{"index": 1, "value": 61440, "valueTwo": 8192, "op": "SCMP_CMP_MASKED_EQ"}],
                },
                {"names": ["ptrace"], "action": "SCMP_ACT_NOTIFY"},
            ],
        },
        "rootfsPropagation": "slave",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0",
        "intelRdt": {
            "closID": "guaranteed",
            "schemata": ["L2:0=f;1=f"],
            "l3CacheSchema": "L3:0=7f0;1=1f",
            "memBwSchema": "MB:0=20;1=70",
            "enableMonitoring": True,
        },
        "memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "2-3", "flags": ["MPOL_F_STATIC_NODES"]},
        "personality": {"domain": "LINUX32", "flags": []},
        "timeOffsets": {"monotonic": {"secs": -3600, "nanosecs": 5}, "boottime": {"secs": 1}},
    }


def _resources() -> dict[str, Any]:
    return {
        "devices": [{"allow": True, "type": "c", "major": 10, "minor": -1, "access": "rw"}],
        "memory": {
            "limit": 536870912,
            "reservation": 268435456,
            "swap": -1,
            "kernel": -1,
            "kernelTCP": -1,
            "swappiness": 60,
            "disableOOMKiller": False,
            "useHierarchy": True,
            "checkBeforeUpdate": True,
        },
        "cpu": {
            "shares": 1024,
            "quota": 1000000,
            "burst": 500000,
            "period": 500000,
            "realtimeRuntime": 950000,
            "realtimePeriod": 1000000,
            "cpus": "2-3",
            "mems": "0-7",
            "idle": 1,
        },
        "pids": {"limit": 0},
        "blockIO": {
            "weight": 10,
            "leafWeight": 20,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 500, "leafWeight": 300}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 16, "rate": 600}],
            "throttleWriteBpsDevice": [{"major": 8, "minor": 16, "rate": 601}],
            "throttleReadIOPSDevice": [{"major": 8, "minor": 16, "rate": 602}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 603}],
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 209715200}],
        "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
        "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
        "unified": {"memory.high": "1073741824", "io.max": "259:0 rbps=2097152\n253:0 rbps=2097152"},
    }

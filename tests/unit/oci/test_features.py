from __future__ import annotations

from typing import Any

from firkin.oci.encoding import encode
from firkin.oci.features import (
    CgroupFeatures,
    Feature,
    Features,
    LinuxFeatures,
    MountExtensions,
    SeccompFeatures,
)
from firkin.oci.record import decode

FULL: dict[str, Any] = {
    "ociVersionMin": "1.0.0",
    "ociVersionMax": "1.3.0",
    "hooks": ["createRuntime"],
    "mountOptions": ["ro"],
    "linux": {
        "namespaces": ["pid"],
        "capabilities": ["CAP_KILL"],
        "cgroup": {"v1": False, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
        "seccomp": {
            "enabled": True,
            "actions": ["SCMP_ACT_LOG"],
            "operators": ["SCMP_CMP_NE"],
            "archs": ["SCMP_ARCH_X86_64"],
            "knownFlags": ["SECCOMP_FILTER_FLAG_LOG"],
            "supportedFlags": [],
        },
        "apparmor": {"enabled": True},
        "selinux": {"enabled": True},
        "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
        "memoryPolicy": {"modes": ["MPOL_BIND"], "flags": []},
        "mountExtensions": {"idmap": {"enabled": True}},
        "netDevices": {"enabled": True},
    },
    "annotations": {"com.example.version": "1"},
    "potentiallyUnsafeConfigAnnotations": ["com.example."],
}


def test_every_field_of_the_specification_is_known() -> None:
    assert encode(decode(Features, FULL, strict=True)) == FULL


def test_a_document_is_built_from_records() -> None:
    features = Features(
        oci_version_min="1.0.0",
        oci_version_max="1.3.0",
        linux=LinuxFeatures(
            cgroup=CgroupFeatures(v1=False, v2=True, systemd_user=True),
            seccomp=SeccompFeatures(known_flags=()),
            mount_extensions=MountExtensions(idmap=Feature(enabled=True)),
        ),
    )
    assert encode(features) == {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": "1.3.0",
        "linux": {
            "cgroup": {"v1": False, "v2": True, "systemdUser": True},
            "seccomp": {"knownFlags": []},
            "mountExtensions": {"idmap": {"enabled": True}},
        },
    }


def test_not_known_differs_from_not_supported() -> None:
    features = Features(oci_version_min="1.0.0", oci_version_max="1.3.0", hooks=())
    assert encode(features)["hooks"] == []
    assert "mountOptions" not in encode(features)

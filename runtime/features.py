"""What this runtime can do, for the engines above it: features.json, exactly as true as the code."""

from __future__ import annotations

from firkin.oci.encoding import encode
from firkin.oci.features import (
    CgroupFeatures,
    Feature,
    Features,
    IntelRdtFeatures,
    LinuxFeatures,
    MemoryPolicyFeatures,
    MountExtensions,
    SeccompFeatures,
)
from firkin.oci.validate_seccomp import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS
from firkin.runtime.compile.capabilities import NAMES
from firkin.runtime.compile.mount_options import OPTIONS
from firkin.runtime.compile.namespaces import CLONE_FLAGS
from firkin.runtime.compile.scheduling import MODE_FLAGS, MODES

__all__ = ["features"]

_HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def features() -> dict[str, object]:
    """The document (features.md)."""
    document = Features(
        oci_version_min="1.0.0",
        oci_version_max="1.3.0",
        hooks=_HOOKS,
        mount_options=tuple(sorted(OPTIONS)),
        linux=LinuxFeatures(
            namespaces=tuple(sorted(CLONE_FLAGS)),
            capabilities=tuple(NAMES),
            cgroup=CgroupFeatures(v1=False, v2=True, systemd=True, systemd_user=True, rdma=True),
            seccomp=_seccomp(),
            # Of the runtime, whatever this host has.
            apparmor=Feature(enabled=True),
            selinux=Feature(enabled=True),
            intel_rdt=IntelRdtFeatures(enabled=False),
            memory_policy=MemoryPolicyFeatures(modes=tuple(sorted(MODES)), flags=tuple(sorted(MODE_FLAGS))),
            mount_extensions=MountExtensions(idmap=Feature(enabled=True)),
            net_devices=Feature(enabled=True),
        ),
        potentially_unsafe_config_annotations=("org.systemd.property.",),
    )
    encoded = encode(document)
    return dict(encoded)


def _seccomp() -> SeccompFeatures:
    return SeccompFeatures(
        enabled=True,
        actions=tuple(sorted(ACTIONS)),
        operators=tuple(sorted(OPERATORS)),
        archs=tuple(sorted(ARCHITECTURES)),
        known_flags=tuple(sorted(FLAGS)),
        supported_flags=tuple(sorted(FLAGS)),
    )

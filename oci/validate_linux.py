"""Rules for the Linux section that nearly every configuration meets (config-linux.md)."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.checks import absolute, id_mappings, known, no_nul
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from firkin.oci.runtime_spec.linux import Linux, Namespace

__all__ = ["check_linux"]

_NAMESPACES = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")
# The recursive forms are what engines write; the specification lists the others.
_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable")


def check_linux(linux: Linux, namespaces: Collection[str]) -> None:
    """Check a Linux section; `namespaces` are the types of its own namespaces. Raises ConfigError."""
    _check_namespaces(linux.namespaces)
    _check_id_mappings(linux, namespaces)
    _check_cgroups_path(linux.cgroups_path)
    if linux.rootfs_propagation:
        known(linux.rootfs_propagation, _PROPAGATIONS, "linux.rootfsPropagation", "mount propagation")
    no_nul(linux.mount_label, "linux.mountLabel")
    _check_paths(linux.masked_paths, "linux.maskedPaths")
    _check_paths(linux.readonly_paths, "linux.readonlyPaths")
    if linux.resources:
        from firkin.oci.validate_resources import check_resources

        check_resources(linux.resources, "linux.resources.")
    if linux.seccomp:
        from firkin.oci.validate_seccomp import check_seccomp

        check_seccomp(linux.seccomp, "linux.seccomp.")
    if linux.devices or linux.net_devices:
        from firkin.oci.validate_devices import check_devices

        check_devices(linux, namespaces)
    if linux.sysctl or linux.time_offsets or linux.personality or linux.memory_policy or linux.intel_rdt:
        from firkin.oci.validate_kernel import check_kernel

        check_kernel(linux, namespaces)


def _check_namespaces(namespaces: Sequence[Namespace]) -> None:
    seen: dict[str, int] = {}
    for index, namespace in enumerate(namespaces):
        path = f"linux.namespaces[{index}]"
        known(namespace.type, _NAMESPACES, f"{path}.type", "namespace type")
        if namespace.type in seen:
            other = seen[namespace.type]
            raise ConfigError(f"{path}.type", f"{dump(namespace.type)} was given before, at linux.namespaces[{other}]")
        seen[namespace.type] = index
        if namespace.path:
            absolute(namespace.path, f"{path}.path")


def _check_id_mappings(linux: Linux, namespaces: Collection[str]) -> None:
    for name, mappings in (("uidMappings", linux.uid_mappings), ("gidMappings", linux.gid_mappings)):
        if mappings and "user" not in namespaces:
            hint = 'add {"type": "user"} to linux.namespaces'
            raise ConfigError(f"linux.{name}", "the container has no user namespace to map ids in", hint=hint)
        id_mappings(mappings, f"linux.{name}")


def _check_cgroups_path(path: str) -> None:
    # cgroup_mkdir() refuses an end of line in a name.
    if "\n" in path or "\0" in path or ".." in path.split("/"):
        raise ConfigError("linux.cgroupsPath", f'must have no "..", end of line or NUL, got {dump(path)}')


def _check_paths(paths: Sequence[str], path: str) -> None:
    for index, text in enumerate(paths):
        absolute(text, f"{path}[{index}]")

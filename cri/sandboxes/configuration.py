"""What a sandbox is to be: checked, and turned into what the plan compiler and the network take."""

from __future__ import annotations

from collections.abc import Iterable

from firkin.cgroupfs.systemd.names import slice_path
from firkin.cri import network
from firkin.cri.api.pod_pb2 import PodSandboxConfig, Protocol
from firkin.cri.api.security_pb2 import IDMapping, NamespaceMode
from firkin.cri.handlers.handler import Handler
from firkin.cri.network.model import Dns
from firkin.cri.spec.cgroups import slice_of
from firkin.errors import CgroupPathError, ConfigError, UnsupportedError
from firkin.oci.runtime_spec import Config, IdMapping, Linux, Namespace, Root

__all__ = ["check", "check_features", "has_own_network", "network_sandbox", "sandbox_configuration"]

_DOCUMENT = "RunPodSandboxRequest"
_CONTEXT = "config.linux.security_context"
_LONGEST_NAME = 64
_NETWORK_SYSCTLS = ("net.",)
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def check(config: PodSandboxConfig) -> None:
    """Raise ConfigError for what is missing, contradicts itself, or would be the host's."""
    metadata = config.metadata
    for name in ("name", "namespace", "uid"):
        if not getattr(metadata, name):
            raise _wrong(f"config.metadata.{name}", "is empty")
    if len(config.hostname) > _LONGEST_NAME or not config.hostname.isprintable() or "/" in config.hostname:
        raise _wrong(
            "config.hostname", f"{config.hostname!r} is no name of a host of at most {_LONGEST_NAME} characters"
        )
    context = config.linux.security_context
    if context.HasField("run_as_group") and not context.HasField("run_as_user"):
        raise _wrong(f"{_CONTEXT}.run_as_group", "needs run_as_user")
    _check_sysctls(config)
    _check_user_namespace(config)


def check_features(config: PodSandboxConfig, handler: Handler, *, systemd: bool) -> None:
    """Raise UnsupportedError for what containers of a handler can not have; `systemd` says who makes the cgroups."""
    if systemd and not handler.features.systemd_cgroups:
        reason = f"{handler.name!r} makes cgroups itself, and the cgroup driver is systemd"
        raise UnsupportedError("runtime_handler", reason, document=_DOCUMENT)
    options = config.linux.security_context.namespace_options
    if options.userns_options.uids and not handler.features.user_namespaces:
        place = f"{_CONTEXT}.namespace_options.userns_options"
        raise UnsupportedError(place, f"is nothing that the runtime handler {handler.name} has", document=_DOCUMENT)


def has_own_network(config: PodSandboxConfig) -> bool:
    """Whether the pod has a network of its own, and is not on the host's."""
    return config.linux.security_context.namespace_options.network != NamespaceMode.NODE


def _check_sysctls(config: PodSandboxConfig) -> None:
    options = config.linux.security_context.namespace_options
    for key in config.linux.sysctls:
        place = f'config.linux.sysctls["{key}"]'
        # In a namespace of the host's the change would be the host's (CVE-2022-0532).
        if key.startswith(_NETWORK_SYSCTLS) and options.network == NamespaceMode.NODE:
            raise _wrong(place, "is of the network, and the pod is on the host's")
        if key.startswith(_IPC_SYSCTLS) and options.ipc == NamespaceMode.NODE:
            raise _wrong(place, "is of ipc, and the pod has the host's")


def _check_user_namespace(config: PodSandboxConfig) -> None:
    options = config.linux.security_context.namespace_options
    if not options.HasField("userns_options"):
        return
    users, place = options.userns_options, f"{_CONTEXT}.namespace_options.userns_options"
    if users.mode not in (NamespaceMode.POD, NamespaceMode.NODE):
        raise _wrong(f"{place}.mode", f"{NamespaceMode.Name(users.mode)} is neither POD nor NODE")
    if users.mode == NamespaceMode.NODE:
        return
    if options.network == NamespaceMode.NODE:
        raise UnsupportedError(place, "goes not with the host's network", document=_DOCUMENT)
    for name, ranges in (("uids", users.uids), ("gids", users.gids)):
        if len(ranges) != 1:
            raise _wrong(f"{place}.{name}", f"has {len(ranges)} ranges, and must have one")
        if ranges[0].container_id or not ranges[0].length:
            raise _wrong(f"{place}.{name}[0]", "does not map 0")


def sandbox_configuration(config: PodSandboxConfig, id: str, *, systemd: bool) -> Config:
    """The configuration that `firkin.runtime.compile.sandbox` makes a plan of: the namespaces that containers share."""
    options = config.linux.security_context.namespace_options
    types = []
    if options.network != NamespaceMode.NODE:
        types += ["network", "uts"]
    if options.ipc != NamespaceMode.NODE:
        types.append("ipc")
    if options.pid == NamespaceMode.POD:
        types.append("pid")
    uids, gids = options.userns_options.uids, options.userns_options.gids
    if uids:
        types.append("user")
    linux = Linux(
        namespaces=tuple(Namespace(type=kind) for kind in types),
        sysctl=dict(config.linux.sysctls),
        uid_mappings=_mappings(uids),
        gid_mappings=_mappings(gids),
        cgroups_path=_cgroups_path(config, id, systemd=systemd),
    )
    hostname = config.hostname if "uts" in types else ""
    # A sandbox has no root of its own, but a configuration must name one.
    return Config(oci_version="1.3.0", root=Root(path="/"), hostname=hostname, linux=linux)


def _mappings(ranges: Iterable[IDMapping]) -> tuple[IdMapping, ...]:
    return tuple(IdMapping(container_id=one.container_id, host_id=one.host_id, size=one.length) for one in ranges)


def _cgroups_path(config: PodSandboxConfig, id: str, *, systemd: bool) -> str:
    parent = config.linux.cgroup_parent.strip("/")
    if any(part in (".", "..") for part in parent.split("/")):
        raise _wrong("config.linux.cgroup_parent", f"{config.linux.cgroup_parent!r} leads out of the hierarchy")
    if systemd:
        _check_slice(config.linux.cgroup_parent)
    # Below a slice all belongs to systemd: what is born here is taken into a scope there.
    return f"/firkin/{id}" if systemd else f"/{parent or 'firkin'}/{id}"


def _check_slice(parent: str) -> None:
    try:
        slice_path(slice_of(parent))
    except CgroupPathError as error:
        raise _wrong("config.linux.cgroup_parent", f"{parent!r} does not end with a slice: {error.message}") from None


def network_sandbox(config: PodSandboxConfig, id: str, netns: str) -> network.Sandbox:
    """What the network is to know of the pod. Raises ConfigError for a port mapping that is none."""
    metadata, dns = config.metadata, config.dns_config
    ports = [
        network.PortMapping(
            protocol=Protocol.Name(port.protocol).lower(),
            container_port=port.container_port,
            host_port=port.host_port,
            host_ip=port.host_ip,
        )
        # Without a port of the host there is nothing to map.
        for port in config.port_mappings
        if port.host_port
    ]
    return network.Sandbox(
        id=id,
        netns=netns,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        ports=tuple(ports),
        dns=Dns(tuple(dns.servers), tuple(dns.searches), tuple(dns.options)),
        cgroup_parent=config.linux.cgroup_parent,
        annotations=dict(config.annotations),
    )


def _wrong(place: str, reason: str) -> ConfigError:
    return ConfigError(place, reason, document=_DOCUMENT)

"""Containers of a pod."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from firkin.kubelet.api.container import Container, ContainerPort, EnvFromSource, EnvVar, FileKeySelector
from firkin.kubelet.objects.validation import handlers, names, numbers, security, volumes
from firkin.kubelet.objects.validation.fault import Faults, duplicate, forbidden, invalid, join, one_of, required

__all__ = ["containers", "ephemeral", "host_ports"]

_MOST_EXIT_CODES = 255
_POLICIES = ("Always", "OnFailure", "Never")
_LONGEST_KEY = 128


def containers(path: str, values: Sequence[Container], known: Iterable[str], *, init: bool, has_os: bool) -> Faults:
    """The containers of a pod, or with `init` those that come before; `known` are the names of its volumes."""
    for number, container in enumerate(values):
        place = f"{path}[{number}]"
        yield from _container(place, container, known, has_os=has_os)
        sidecar = init and container.restart_policy == "Always"
        if init and not sidecar:
            yield from _no_handlers(place, container)
        yield from _restarts(place, container)


def ephemeral(path: str, values: Sequence[Container], known: Iterable[str]) -> Faults:
    """Containers that are added to look into a pod."""
    for number, container in enumerate(values):
        place = f"{path}[{number}]"
        yield from _container(place, container, known, has_os=True)
        yield from _no_handlers(place, container)
        if container.ports:
            yield forbidden(join(place, "ports"), "cannot be set for an Ephemeral Container")
        if container.resources.limits or container.resources.requests:
            yield forbidden(join(place, "resources"), "cannot be set for an Ephemeral Container")
        if container.restart_policy is not None:
            yield forbidden(join(place, "restartPolicy"), "cannot be set for an Ephemeral Container")
        if container.restart_policy_rules:
            yield forbidden(join(place, "restartPolicyRules"), "cannot be set for an Ephemeral Container")


def host_ports(path: str, values: Sequence[Container]) -> Faults:
    """Each port of the machine goes to one container alone."""
    seen: set[tuple[str, str, int]] = set()
    for number, container in enumerate(values):
        for position, port in enumerate(container.ports):
            key = (port.protocol, port.host_ip, port.host_port)
            if port.host_port and key in seen:
                yield duplicate(f"{path}[{number}].ports[{position}].hostPort", port.host_port)
            seen.add(key)


def _container(path: str, value: Container, known: Iterable[str], *, has_os: bool) -> Faults:
    yield from names.label_name(join(path, "name"), value.name)
    if not value.image:
        yield required(join(path, "image"))
    elif value.image.strip() != value.image:
        yield invalid(join(path, "image"), value.image, "must not have leading or trailing whitespace")
    yield from one_of(join(path, "imagePullPolicy"), value.image_pull_policy, ("Always", "IfNotPresent", "Never"))
    yield from _ports(join(path, "ports"), value.ports)
    yield from _env(join(path, "env"), value.env)
    yield from _env_from(join(path, "envFrom"), value.env_from)
    yield from volumes.mounts(join(path, "volumeMounts"), value.volume_mounts, known)
    yield from _probes(path, value)
    if value.lifecycle is not None:
        yield from handlers.lifecycle(join(path, "lifecycle"), value.lifecycle, has_os=has_os)
    yield from numbers.resources(join(path, "resources"), value.resources)
    policies = ("FallbackToLogsOnError", "File")
    yield from one_of(join(path, "terminationMessagePolicy"), value.termination_message_policy, policies)
    if value.security_context is not None:
        yield from security.container_security(join(path, "securityContext"), value.security_context)


def _probes(path: str, value: Container) -> Faults:
    for field, probe, is_readiness in (
        ("livenessProbe", value.liveness_probe, False),
        ("readinessProbe", value.readiness_probe, True),
        ("startupProbe", value.startup_probe, False),
    ):
        if probe is not None:
            place = join(path, field)
            yield from handlers.probe(place, probe, only_one_success=not is_readiness, grace_allowed=not is_readiness)


def _no_handlers(path: str, value: Container) -> Faults:
    what = "init containers without restartPolicy=Always"
    for field, given in (
        ("lifecycle", value.lifecycle),
        ("livenessProbe", value.liveness_probe),
        ("readinessProbe", value.readiness_probe),
        ("startupProbe", value.startup_probe),
    ):
        if given is not None:
            yield forbidden(join(path, field), f"may not be set for {what}")


def _restarts(path: str, value: Container) -> Faults:
    yield from one_of(join(path, "restartPolicy"), value.restart_policy, _POLICIES)
    rules = join(path, "restartPolicyRules")
    if value.restart_policy_rules and not value.restart_policy:
        yield required(join(path, "restartPolicy"), "must specify restartPolicy when restart rules are used")
    if len(value.restart_policy_rules) > 20:
        yield invalid(rules, len(value.restart_policy_rules), "must have at most 20 items")
    for number, rule in enumerate(value.restart_policy_rules):
        place = f"{rules}[{number}]"
        yield from one_of(join(place, "action"), rule.action, ("Restart", "RestartAllContainers"), optional=False)
        if rule.exit_codes is None:
            yield required(join(place, "exitCodes"), "must be specified")
        else:
            operator = rule.exit_codes.operator
            yield from one_of(join(place, "exitCodes.operator"), operator, ("In", "NotIn"), optional=False)
            yield from _exit_codes(join(place, "exitCodes.values"), rule.exit_codes.values)


def _exit_codes(path: str, values: Sequence[int]) -> Faults:
    if len(values) > _MOST_EXIT_CODES:
        yield invalid(path, len(values), f"must have at most {_MOST_EXIT_CODES} items")
    for number, code in enumerate(values):
        if code in values[:number]:
            yield duplicate(f"{path}[{number}]", code)


def _ports(path: str, values: Sequence[ContainerPort]) -> Faults:
    seen: set[str] = set()
    for number, port in enumerate(values):
        place = f"{path}[{number}]"
        if port.name:
            yield from names.port_name(join(place, "name"), port.name)
            if port.name in seen:
                yield duplicate(join(place, "name"), port.name)
            seen.add(port.name)
        if not port.container_port:
            yield required(join(place, "containerPort"))
        else:
            yield from numbers.port(join(place, "containerPort"), port.container_port)
        if port.host_port:
            yield from numbers.port(join(place, "hostPort"), port.host_port)
        yield from one_of(join(place, "protocol"), port.protocol, ("TCP", "UDP", "SCTP"), optional=False)
        if port.host_ip and not _is_address(port.host_ip):
            yield invalid(
                join(place, "hostIP"), port.host_ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            )


def _env(path: str, values: Sequence[EnvVar]) -> Faults:
    for number, variable in enumerate(values):
        place = f"{path}[{number}]"
        yield from names.env_name(join(place, "name"), variable.name)
        source = variable.value_from
        if source is None:
            continue
        place = join(place, "valueFrom")
        given = [name for name in source.__struct_fields__ if getattr(source, name) is not None]
        if not given:
            yield invalid(
                place,
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
                "`fileKeyRef`",
            )
        elif len(given) > 1:
            yield invalid(place, "", "may not have more than one field specified at a time")
        elif variable.value:
            yield invalid(place, "", "may not be specified when `value` is not empty")
        if source.field_ref is not None:
            yield from volumes.field_path(join(place, "fieldRef.fieldPath"), source.field_ref.field_path)
        if source.resource_field_ref is not None:
            yield from volumes.resource_field(join(place, "resourceFieldRef"), source.resource_field_ref.resource)
        if source.file_key_ref is not None:
            yield from _file_key(join(place, "fileKeyRef"), source.file_key_ref)
        for field, ref in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
            if ref is not None and not ref.name:
                yield required(f"{place}.{field}.name")
            if ref is not None:
                yield from names.config_key(f"{place}.{field}.key", ref.key)


def _file_key(path: str, value: FileKeySelector) -> Faults:
    yield from names.label_name(join(path, "volumeName"), value.volume_name)
    yield from volumes.local_path(join(path, "path"), value.path)
    if not value.key:
        yield required(join(path, "key"))
    elif len(value.key) > _LONGEST_KEY:
        yield invalid(join(path, "key"), value.key, f"must be no more than {_LONGEST_KEY} bytes")


def _env_from(path: str, values: Sequence[EnvFromSource]) -> Faults:
    for number, source in enumerate(values):
        place = f"{path}[{number}]"
        if source.prefix:
            yield from names.env_name(join(place, "prefix"), source.prefix)
        if source.config_map_ref is None and source.secret_ref is None:
            yield invalid(place, "", "must specify one of: `configMapRef` or `secretRef`")
        elif source.config_map_ref is not None and source.secret_ref is not None:
            yield invalid(place, "", "may not have more than one field specified at a time")
        for field, ref in (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref)):
            if ref is not None and not ref.name:
                yield required(f"{place}.{field}.name")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

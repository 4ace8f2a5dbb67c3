"""Sandboxes as CRI shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from firkin.cri.api.sandbox_pb2 import (
    LinuxPodSandboxStatus,
    Namespace,
    PodIP,
    PodSandbox,
    PodSandboxFilter,
    PodSandboxNetworkStatus,
    PodSandboxState,
    PodSandboxStatus,
)
from firkin.cri.records.sandbox import Sandbox

__all__ = ["has_labels", "listed", "select", "state_of", "status_of"]


def state_of(sandbox: Sandbox) -> PodSandboxState:
    """The state in CRI's terms."""
    return PodSandboxState.SANDBOX_READY if sandbox.facts.is_ready else PodSandboxState.SANDBOX_NOTREADY


def listed(sandbox: Sandbox) -> PodSandbox:
    """The sandbox as a list shows it."""
    config = sandbox.config
    return PodSandbox(
        id=sandbox.id,
        metadata=config.metadata,
        state=state_of(sandbox),
        created_at=sandbox.facts.created_at,
        labels=config.labels,
        annotations=config.annotations,
        runtime_handler=sandbox.facts.handler,
    )


def status_of(sandbox: Sandbox) -> PodSandboxStatus:
    """The sandbox by itself. One that is stopped has no addresses any more."""
    config, facts = sandbox.config, sandbox.facts
    first, *others = facts.addresses if facts.is_ready and facts.addresses else ("",)
    return PodSandboxStatus(
        id=sandbox.id,
        metadata=config.metadata,
        state=state_of(sandbox),
        created_at=facts.created_at,
        network=PodSandboxNetworkStatus(ip=first, additional_ips=[PodIP(ip=other) for other in others]),
        linux=LinuxPodSandboxStatus(namespaces=Namespace(options=config.linux.security_context.namespace_options)),
        labels=config.labels,
        annotations=config.annotations,
        runtime_handler=facts.handler,
    )


def select(sandboxes: Iterable[Sandbox], wanted: PodSandboxFilter) -> Iterator[Sandbox]:
    """Those that meet every condition of the filter; an id may be the begin of one."""
    if not wanted.ByteSize():
        yield from sandboxes
        return
    for sandbox in sandboxes:
        if (
            sandbox.id.startswith(wanted.id)
            and (not wanted.HasField("state") or wanted.state.state == state_of(sandbox))
            and has_labels(sandbox.config.labels, wanted.label_selector)
        ):
            yield sandbox


def has_labels(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether `labels` has all that is in `wanted`."""
    return all(key in labels and labels[key] == value for key, value in wanted.items())

"""Which namespaces are the pod's, which the host's, which the container's own."""

from __future__ import annotations

from firkin.cri.api.security_pb2 import NamespaceMode
from firkin.cri.spec.inputs import Inputs, invalid
from firkin.oci.runtime_spec import Namespace

__all__ = ["namespaces_of"]

_PLACE = "config.linux.security_context.namespace_options"


def namespaces_of(inputs: Inputs) -> tuple[Namespace, ...]:
    """The namespaces. Raises ConfigError for a mode that makes no sense."""
    options = inputs.container.linux.security_context.namespace_options
    found = [Namespace(type="mount")]
    found += _pods(inputs, "network", options.network)
    # A pod on the host's network has the host's name too.
    found += _pods(inputs, "uts", options.network)
    found += _pods(inputs, "ipc", options.ipc)
    found += _pid(inputs, options.pid)
    if "user" in inputs.namespaces:
        found.append(Namespace(type="user", path=inputs.namespaces["user"]))
    if not inputs.container.linux.security_context.privileged:
        found.append(Namespace(type="cgroup"))
    return tuple(found)


def _pods(inputs: Inputs, kind: str, mode: NamespaceMode) -> list[Namespace]:
    if mode == NamespaceMode.NODE:
        return []
    if mode != NamespaceMode.POD:
        raise invalid(f"{_PLACE}.{kind}", f"{NamespaceMode.Name(mode)} is for processes only; it is POD or NODE")
    # The pod's may be the host's: then the container, which has what the pod has, has that.
    path = inputs.namespaces.get(kind)
    if path is None:
        return []
    return [Namespace(type=kind, path=path)]


def _pid(inputs: Inputs, mode: NamespaceMode) -> list[Namespace]:
    if mode == NamespaceMode.NODE:
        return []
    if mode == NamespaceMode.CONTAINER:
        return [Namespace(type="pid")]
    if mode == NamespaceMode.TARGET:
        return [Namespace(type="pid", path=f"/proc/{inputs.target_pid}/ns/pid")]
    path = inputs.namespaces.get("pid")
    if path is None:
        raise invalid(f"{_PLACE}.pid", "is POD, but the sandbox was made without a shared one")
    return [Namespace(type="pid", path=path)]

"""Devices: those that the request names, all of the host's for a privileged container."""

from __future__ import annotations

from firkin.cri.spec.inputs import HostDevice, Inputs, invalid
from firkin.oci.runtime_spec import Device

__all__ = ["devices_of", "granted_devices"]


def granted_devices(inputs: Inputs) -> list[tuple[HostDevice, str, str]]:
    """Each device that is asked for: the host's node, its path in the container, and what may be done with it.

    Raises ConfigError for permissions that are none, and for a path that has no device.
    """
    found = []
    for index, device in enumerate(inputs.container.devices):
        place = f"config.devices[{index}]"
        if not device.permissions or not set(device.permissions) <= set("rwm"):
            raise invalid(f"{place}.permissions", f"{device.permissions!r} is not made of r, w and m")
        nodes = inputs.host_devices.get(device.host_path, ())
        if not nodes:
            raise invalid(f"{place}.host_path", f"{device.host_path!r} is no device, nor a directory with devices")
        for node in nodes:
            path = device.container_path + node.path.removeprefix(device.host_path)
            found.append((node, path, device.permissions))
    return found


def devices_of(inputs: Inputs) -> tuple[Device, ...]:
    """The nodes to make. Raises ConfigError."""
    nodes = [(node, path) for node, path, _ in granted_devices(inputs)]
    if inputs.container.linux.security_context.privileged:
        named = {path for _, path in nodes}
        nodes += [(node, node.path) for node in inputs.host.devices if node.path not in named]
    return tuple(_device(node, path) for node, path in nodes)


def _device(node: HostDevice, path: str) -> Device:
    return Device(
        path=path,
        type=node.kind,
        major=node.major,
        minor=node.minor,
        file_mode=node.mode,
        uid=node.uid,
        gid=node.gid,
    )

"""Rules for device nodes and network devices (config-linux.md#devices, #network-devices)."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.annotation import subscript
from firkin.oci.checks import absolute, id_value, known
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from firkin.oci.runtime_spec.linux import Device, Linux

__all__ = ["check_devices"]

# dev_t of the kernel has 12 bits for the major and 20 for the minor number (include/linux/kdev_t.h).
_LAST_MAJOR = 0xFFF
_LAST_MINOR = 0xFFFFF
# IFNAMSIZ of include/uapi/linux/if.h counts the final NUL.
_LONGEST_INTERFACE = 15


def check_devices(linux: Linux, namespaces: Collection[str]) -> None:
    """Check the devices of a Linux section; `namespaces` are the types of its namespaces. Raises ConfigError."""
    for index, device in enumerate(linux.devices):
        _check_device(device, f"linux.devices[{index}]")
    if linux.net_devices and "network" not in namespaces:
        hint = 'add {"type": "network"} to linux.namespaces'
        raise ConfigError("linux.netDevices", "the container has no network namespace to move devices to", hint=hint)
    for name, interface in linux.net_devices.items():
        path = f"linux.netDevices{subscript(name)}"
        _check_interface(name, path)
        if interface.name:
            _check_interface(interface.name, f"{path}.name")


def _check_device(device: Device, path: str) -> None:
    absolute(device.path, f"{path}.path")
    known(device.type, ("c", "b", "u", "p"), f"{path}.type", "device type")
    if device.type != "p":
        _check_number(device.major, _LAST_MAJOR, f"{path}.major", device.type)
        _check_number(device.minor, _LAST_MINOR, f"{path}.minor", device.type)
    id_value(device.uid, f"{path}.uid")
    id_value(device.gid, f"{path}.gid")


def _check_number(number: int | None, last: int, path: str, kind: str) -> None:
    if number is None:
        raise ConfigError(path, f"is required for a device of type {dump(kind)}")
    if not 0 <= number <= last:
        raise ConfigError(path, f"must be from 0 to {last}, got {number}")


def _check_interface(name: str, path: str) -> None:
    # dev_valid_name() of net/core/dev.c
    size = len(name.encode())
    if not 0 < size <= _LONGEST_INTERFACE or name in (".", "..") or any(c in "/:\0" or c.isspace() for c in name):
        raise ConfigError(path, f"{dump(name)} is not a valid name of a network device")

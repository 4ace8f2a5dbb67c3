"""The AppArmor profile of containers that name none, loaded when the server starts, and which profiles there are."""

from __future__ import annotations

import shutil
import subprocess

from firkin import log
from firkin.runtime.host import has_apparmor

__all__ = ["PROFILE", "load_default", "loaded_profiles"]

PROFILE = "firkin-default"
"""The profile's name."""

_LOGGER = log.to("apparmor")
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_PATIENCE = 60
_LOADED = "/sys/kernel/security/apparmor/profiles"
# What a container may not do even as root with all of its capabilities: mount, and write to what is the host's in
# procfs and sysfs. Who confines it from outside may still signal it.
_TEXT = f"""
abi <kernel>,
profile {PROFILE} flags=(attach_disconnected,mediate_deleted) {{
  file,
  network,
  capability,
  umount,
  unix,
  dbus,
  signal (receive) peer=unconfined,
  signal (send, receive) peer={PROFILE},
  ptrace (trace, read, tracedby, readby) peer={PROFILE},

  deny mount,
  deny remount,
  deny pivot_root,
  deny /proc/kcore rwklx,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kmem rwklx,
  deny /proc/mem rwklx,
  deny /proc/{{acpi,asound,bus,fs,irq,scsi}}/** wklx,
  deny /proc/sys/{{abi,crypto,debug,dev,fs,user,vm}}/** wklx,
  deny /proc/sys/kernel/{{core_pattern,core_uses_pid,hotplug,kexec*,modprobe,poweroff_cmd,printk*,sysrq,yama/**}} wklx,
  deny /sys/{{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}}/** wklx,
}}
"""


def load_default() -> str:
    """Load the profile; its name, "" where the kernel has no AppArmor, or it can not be loaded, which the log tells."""
    if not has_apparmor():
        return ""
    parser = shutil.which("apparmor_parser", path=_PATH)
    if parser is None:
        _LOGGER.error("AppArmor: there is no apparmor_parser: containers that name no profile are not confined")
        return ""
    command = [parser, "--replace", "--skip-cache"]
    try:
        done = subprocess.run(command, input=_TEXT.encode(), capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        _LOGGER.error("AppArmor: load %s: %s", PROFILE, error)
        return ""
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        _LOGGER.error("AppArmor: load %s: %s", PROFILE, said[-1] if said else f"status {done.returncode}")
        return ""
    return PROFILE


def loaded_profiles() -> frozenset[str] | None:
    """The names of the profiles that the kernel has, None if it does not tell."""
    try:
        with open(_LOADED, encoding="utf-8", errors="surrogateescape") as file:
            return frozenset(line.rpartition(" (")[0] for line in file)
    except OSError:
        return None

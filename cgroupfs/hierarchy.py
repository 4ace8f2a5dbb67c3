"""The cgroup v2 hierarchy of this host: where it is mounted, what it controls.

Source: Documentation/admin-guide/cgroup-v2.rst, "Mounting"; proc(5), mountinfo.
"""

from __future__ import annotations

import os

from firkin.errors import CgroupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Hierarchy", "find_hierarchy", "is_cgroup2", "known_hierarchy", "unescape"]

_USUAL = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


class Hierarchy:
    """A mounted cgroup2 file system.

    `mount` is its path, `options` its mount options (nsdelegate, memory_recursiveprot ...), `controllers` those
    that its root can give to children, and `unified` whether it stands where a host without cgroup v1 has it.
    """

    __slots__ = ("controllers", "mount", "options", "unified")

    def __init__(self, mount: str, options: frozenset[str], controllers: frozenset[str]) -> None:
        self.mount = mount
        self.options = options
        self.controllers = controllers
        self.unified = mount == _USUAL[0]

    def missing(self) -> Mapping[str, str]:
        """Why each controller that the kernel knows is not here, by name: `bound to a cgroup v1 hierarchy` ..."""
        reasons: dict[str, str] = {}
        with open("/proc/cgroups") as file:
            rows = [line.split() for line in file if line[0] != "#"]
        for name, hierarchy, _, enabled in rows:
            name = {"blkio": "io"}.get(name, name)
            if name in self.controllers:
                continue
            if enabled == "0":
                reasons[name] = "disabled on the kernel command line"
            elif hierarchy != "0":
                reasons[name] = "bound to a cgroup v1 hierarchy"
            else:
                reasons[name] = f"not in {self.mount}/cgroup.controllers"
        return reasons


def find_hierarchy(mountinfo: str = "/proc/self/mountinfo") -> Hierarchy:
    """The cgroup v2 hierarchy in sight.

    Parameters: `mountinfo` is the file that lists the mounts.
    Raises CgroupError if none is mounted.
    """
    return _hierarchy_at(*_look(mountinfo))


def known_hierarchy() -> Hierarchy:
    """What `find_hierarchy` found last, if its root is still there; its options may have changed since.

    The list of mounts has some lines for each container of a host, and the kernel writes it anew for each reader.
    Raises CgroupError if none is mounted.
    """
    mount, options, root = _seen.get(_OWN, ("", frozenset[str](), (0, 0)))
    if not mount or _identity(mount) != root:
        mount, options = _look(_OWN)
        _seen[_OWN] = mount, options, _identity(mount)
    return _hierarchy_at(mount, options)


_OWN = "/proc/self/mountinfo"
# Where the hierarchy was last seen, with its options, and the device and inode of its root.
_seen: dict[str, tuple[str, frozenset[str], tuple[int, int]]] = {}


def _identity(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _hierarchy_at(mount: str, options: frozenset[str]) -> Hierarchy:
    return Hierarchy(mount, options, _read_controllers(mount))


def _look(mountinfo: str) -> tuple[str, frozenset[str]]:
    with open(mountinfo, "rb") as file:
        mounts = dict(_cgroup2_mounts(file.read()))
    if not mounts:
        hint = "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1"
        raise CgroupError("find cgroup v2: no cgroup2 file system is mounted", hint=hint)
    mount = next((usual for usual in _USUAL if usual in mounts), None) or min(mounts, key=len)
    return mount, mounts[mount]


def is_cgroup2(fd: int) -> bool:
    """Whether the open directory `fd` lies in cgroup v2, of which the kernel has one superblock, mounted or not."""
    device = os.fstat(fd).st_dev
    wanted = f" {os.major(device)}:{os.minor(device)} ".encode()
    with open("/proc/self/mountinfo", "rb") as file:
        # The device stands before, the type after the separator, and paths have no spaces.
        return any(wanted in before and after.startswith(b"cgroup2 ")
                   for before, _, after in (line.partition(b" - ") for line in file))  # fmt: skip


def _cgroup2_mounts(mountinfo: bytes) -> list[tuple[str, frozenset[str]]]:
    found = []
    at = mountinfo.find(b" - cgroup2 ")
    while at >= 0:
        start = mountinfo.rfind(b"\n", 0, at) + 1
        end = mountinfo.find(b"\n", at)
        mount = os.fsdecode(mountinfo[start:at].split(b" ")[4])
        options = os.fsdecode(mountinfo[at + 3 : end].split(b" ")[2])
        found.append((unescape(mount), frozenset(options.split(","))))
        at = mountinfo.find(b" - cgroup2 ", end)
    return found


def unescape(path: str) -> str:
    """A path as a list of mounts has it (proc(5), mountinfo and mounts), without its escapes."""
    # Space, tab, newline and backslash are written as three octal digits.
    if "\\" not in path:
        return path
    head, *rest = path.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _read_controllers(mount: str) -> frozenset[str]:
    try:
        with open(f"{mount}/cgroup.controllers") as file:
            return frozenset(file.read().split())
    except OSError as error:
        raise CgroupError(f"read {mount}/cgroup.controllers: {error.strerror}") from error

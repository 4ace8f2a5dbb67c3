"""New limits for a container that is there: in its cgroup, and where a scope of systemd has it, in the unit as well.

Source: config-linux.md "Control groups". What is not named stays as it is.
"""

from __future__ import annotations

from firkin.cgroupfs.hierarchy import known_hierarchy
from firkin.cgroupfs.tree import Cgroup
from firkin.cgroupfs.update import update as update_cgroup
from firkin.errors import CgroupError
from firkin.oci.record import replace
from firkin.runtime.status import check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firkin.oci.runtime_spec import Resources

__all__ = ["completed", "update"]


def update(root: str, id: str, resources: Resources) -> None:
    """Change the limits of the container.

    Raises StateError if it has ended; UnsupportedError, ConfigError with the path of what can not be; CgroupError for
    what the kernel refuses: then the limits are as before.
    """
    with Container(root, id) as container:
        container.lock()
        check("update", id, container.status())
        with Cgroup(container.cgroup) as group:
            wanted = completed(resources, group.read)
            if container.text("unit"):
                _update_scope(container, wanted, lambda: update_cgroup(group, wanted, place=""))
            else:
                update_cgroup(group, wanted, place="")


def _update_scope(container: Container, resources: Resources, write: Callable[[], None]) -> None:
    # systemd must know them: else a reload of it takes them back. What it would refuse is found before anything is
    # written.
    from firkin.cgroupfs.resources import writes
    from firkin.cgroupfs.systemd.properties import limit_properties
    from firkin.runtime.scope import connect

    hierarchy = known_hierarchy()
    wanted = writes(resources, hierarchy.controllers, hierarchy.missing, place="")
    with connect(user=container.text("manager") == "user") as systemd:
        properties = limit_properties(wanted, systemd.version)
        write()
        systemd.set_properties(container.text("unit"), properties)


def completed(resources: Resources, read: Callable[[str], str]) -> Resources:
    """The resources with what one kernel file or number has together with what they name, as it is now.

    Of cpu.max quota and period; of the specification's swap, which counts memory too, the memory.
    Parameters: `read` gives the text of a file of the cgroup.
    """
    cpu, memory = resources.cpu, resources.memory
    if cpu and bool(cpu.quota) is not bool(cpu.period) and (now := _words(read, "cpu.max")):
        quota = -1 if now[0] == "max" else int(now[0])
        cpu = replace(cpu, quota=cpu.quota or quota, period=cpu.period or int(now[1]))
    if memory and memory.swap and memory.swap > 0 and not memory.limit and (now := _words(read, "memory.max")):
        memory = replace(memory, limit=-1 if now[0] == "max" else int(now[0]))
    return replace(resources, cpu=cpu, memory=memory)


def _words(read: Callable[[str], str], file: str) -> list[str]:
    try:
        return read(file).split()
    except CgroupError:
        # Without its controller: what was asked for is refused with a better word than this one.
        return []

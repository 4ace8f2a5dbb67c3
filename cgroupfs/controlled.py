"""The files of a cgroup by controller: `group.memory.max`.

On the start path of the command, which uses none of them: each controller is imported when it is asked for.
"""

from __future__ import annotations

from firkin.cgroupfs.handle import Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.controllers.core import Core
    from firkin.cgroupfs.controllers.cpu import Cpu
    from firkin.cgroupfs.controllers.cpuset import Cpuset
    from firkin.cgroupfs.controllers.dmem import Dmem
    from firkin.cgroupfs.controllers.hugetlb import Hugetlb
    from firkin.cgroupfs.controllers.io import Io
    from firkin.cgroupfs.controllers.memory import Memory
    from firkin.cgroupfs.controllers.misc import Misc
    from firkin.cgroupfs.controllers.pids import Pids
    from firkin.cgroupfs.controllers.rdma import Rdma

__all__ = ["Controlled"]


class Controlled(Handle):
    """An open cgroup with its controllers; whether they are enabled shows when a file is used."""

    @property
    def core(self) -> Core:
        """The files that every cgroup has."""
        from firkin.cgroupfs.controllers.core import Core

        return Core(self)

    @property
    def cpu(self) -> Cpu:
        """The files of the cpu controller."""
        from firkin.cgroupfs.controllers.cpu import Cpu

        return Cpu(self)

    @property
    def memory(self) -> Memory:
        """The files of the memory controller."""
        from firkin.cgroupfs.controllers.memory import Memory

        return Memory(self)

    @property
    def io(self) -> Io:
        """The files of the io controller."""
        from firkin.cgroupfs.controllers.io import Io

        return Io(self)

    @property
    def pids(self) -> Pids:
        """The files of the pids controller."""
        from firkin.cgroupfs.controllers.pids import Pids

        return Pids(self)

    @property
    def cpuset(self) -> Cpuset:
        """The files of the cpuset controller."""
        from firkin.cgroupfs.controllers.cpuset import Cpuset

        return Cpuset(self)

    def hugetlb(self, size: str) -> Hugetlb:
        """The files of the hugetlb controller for pages of `size`, such as 2MB."""
        from firkin.cgroupfs.controllers.hugetlb import Hugetlb

        return Hugetlb(self, size)

    @property
    def rdma(self) -> Rdma:
        """The files of the rdma controller."""
        from firkin.cgroupfs.controllers.rdma import Rdma

        return Rdma(self)

    @property
    def misc(self) -> Misc:
        """The files of the misc controller."""
        from firkin.cgroupfs.controllers.misc import Misc

        return Misc(self)

    @property
    def dmem(self) -> Dmem:
        """The files of the dmem controller."""
        from firkin.cgroupfs.controllers.dmem import Dmem

        return Dmem(self)

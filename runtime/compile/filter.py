"""The system call filter of a process, and the agent that is asked where it says so.

Source: config-linux.md "Seccomp"; seccomp(2), seccomp_unotify(2).
"""

from __future__ import annotations

from firkin.runtime.compile.hooks import template_of
from firkin.runtime.plan import opcodes as op
from firkin.runtime.seccomp.cache import filter_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from firkin.oci.runtime_spec import Seccomp
    from firkin.runtime.plan.builder import PlanBuilder

__all__ = ["FilterLoader"]


class FilterLoader:
    """One filter, compiled.

    Parameters: `cache` is the directory of compiled filters or "", `state` tells the container's state but for its
    process id, for a status. `listener` is the slot of the connection to the agent, NO_SLOT if nobody is asked.
    """

    def __init__(
        self, plan: PlanBuilder, seccomp: Seccomp, *, cache: str, state: Callable[[str], Mapping[str, object]]
    ) -> None:
        self._plan = plan
        self._state = state
        compiled = filter_for(seccomp, cache or None)
        self.warnings = compiled.warnings
        self._program = (compiled.program, compiled.flags)
        self._metadata = seccomp.listener_metadata
        self.listener = op.NO_SLOT
        if compiled.notify:
            self.listener = plan.shared_slot()
            plan.prepare.add(op.CONNECT, "linux.seccomp.listenerPath", self.listener, seccomp.listener_path)
            # The agent sees its end when the child has closed it.
            plan.meet.add(op.CLOSE, "linux.seccomp.listenerPath", self.listener)

    def load(self, status: str) -> None:
        """Load it now, when the container has this status."""
        child = self._plan.child
        if self.listener == op.NO_SLOT:
            child.add(op.SECCOMP, "linux.seccomp", *self._program)
            return
        child.add(op.SECCOMP_NOTIFY, "linux.seccomp", *self._program, self.listener, self._message(status))

    def meet(self) -> None:
        """Have the child know its process id on the host, which the agent is told, where nothing else has met yet."""
        if self.listener == op.NO_SLOT:
            return
        plan = self._plan
        plan.child.add(op.RENDEZVOUS, "linux.seccomp", op.POINT_FILTER)
        plan.meet.add(op.AWAIT, "linux.seccomp", op.POINT_FILTER)
        plan.meet.add(op.RELEASE, "linux.seccomp", op.POINT_FILTER)

    def _message(self, status: str) -> bytes:
        # ContainerProcessState; of both objects the process id is filled in later.
        state = self._state(status)
        fields: dict[str, object] = {"ociVersion": state["ociVersion"], "fds": ["seccompFd"]}
        if self._metadata:
            fields["metadata"] = self._metadata
        return template_of(fields)[:-1] + b',"state":' + template_of(state) + b"}"

"""What the concerns of one compilation share: the plan in the making, and where things are in it."""

from __future__ import annotations

from firkin.runtime.plan.builder import PlanBuilder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.cgroupfs.resources import Write
    from firkin.oci.runtime_spec import Config, Linux, Process, Root
    from firkin.runtime.compile.request import Host, Request

__all__ = ["Context"]


class Context:
    """One compilation.

    `root` is the slot of the root file system, `cgroup` that of the container's cgroup. `new` and `joined` are
    the clone flags of its namespaces, `birth` flags and cgroup of the first clone3(2). `users` is the slot of the
    user namespace that is joined, `mapped` are those that files get their ids from, by their maps of users and groups.
    `placeholder` is the slot of
    the process that held the container's place in a scope of systemd, `settled` are the writes that get their final
    value when it is gone. `warnings` are for the user; they do not stop the container.
    """

    def __init__(
        self, config: Config, linux: Linux, process: Process, root: Root, request: Request, host: Host
    ) -> None:
        self.config = config
        self.linux = linux
        self.process = process
        self.root_config = root
        self.request = request
        self.host = host
        self.plan = PlanBuilder(request.preserve_fds)
        self.new = 0
        self.joined = 0
        self.root = self.plan.shared_slot()
        self.cgroup = self.plan.shared_slot()
        self.cgroup_path = ""
        self.state_dir = self.plan.private_slot()
        self.birth: tuple[int, int | None] = (0, None)
        self.users: int | None = None
        self.mapped: dict[tuple[bytes, bytes], int] = {}
        self.placeholder: int | None = None
        self.settled: list[Write] = []
        self.console: int | None = None
        self.pidfd_socket: int | None = None
        self.gate: tuple[int, int] | None = None
        self.hook_output: int | None = None
        self.proc_mounts: list[tuple[str, int]] = []
        self.read_only_later: list[tuple[int, str]] = []
        self.dev_is_bound = False
        self.warnings: list[str] = []

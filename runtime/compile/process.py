"""The process: limits, terminal, working directory, credentials, filter, program. For `create` and for `exec`."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.runtime.compile.credentials import set_credentials
from firkin.runtime.plan import opcodes as op
from firkin.runtime.status import CREATED, CREATING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from firkin.oci.runtime_spec import Linux, Process, Rlimit
    from firkin.runtime.compile.filter import FilterLoader
    from firkin.runtime.compile.request import Host
    from firkin.runtime.plan.builder import PlanBuilder

__all__ = ["Launch", "check_terminal", "connect_pidfd", "keeps_groups"]

_RLIMITS = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
]
# Room for what takes its place.
_HOME = "HOME=" + "/" * 250
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Launch:
    """The steps from inside the container to its program; `limits`, `confine` and `execute` come in this order.

    Parameters: `linux` is that of the container, `available` the mask of capabilities that can be passed on,
    `keep_groups` leaves the caller its supplementary groups, `state` tells the container's state for a status, but for
    the process id. `listener` is the slot of a connection to a seccomp agent, which the child keeps until then, or
    NO_SLOT.
    """

    def __init__(
        self,
        plan: PlanBuilder,
        process: Process,
        linux: Linux,
        *,
        host: Host,
        available: int,
        keep_groups: bool,
        state: Callable[[str], Mapping[str, object]],
    ) -> None:
        self._plan = plan
        self._process = process
        self._linux = linux
        self._available = available
        self._keep_groups = keep_groups
        self._env = process.env
        self._last = host.last_capability
        self.warnings: list[str] = []
        self.listener = op.NO_SLOT
        self._filter: FilterLoader | None = None
        if linux.seccomp is not None:
            from firkin.runtime.compile.filter import FilterLoader

            self._filter = FilterLoader(plan, linux.seccomp, cache=host.seccomp_cache, state=state)
            self.listener = self._filter.listener
            self.warnings += self._filter.warnings

    def terminal(self, root: int, *, bind: bool, plain: bool, size: tuple[int, int]) -> None:
        """A pseudo-terminal of the container's devpts as standard streams, bound on /dev/console with `bind`.

        `size` is that of the caller's terminal in rows and columns; with 0 rows the configuration's counts. With
        `plain` its lines end without carriage returns.
        """
        process = self._process
        if not process.terminal:
            return
        asked = process.console_size
        rows, columns = (asked.height, asked.width) if asked and not size[0] else size
        flags = op.TERMINAL_BIND if bind else 0
        if plain:
            flags |= op.TERMINAL_PLAIN
        self._plan.child.add(op.TERMINAL, "process.terminal", root, rows, columns, flags)

    def limits(self) -> None:
        """What the parent sets on the child, which has its rights for that and the child perhaps not.

        It comes before the child changes its user: setting limits of somebody else takes CAP_SYS_RESOURCE.
        """
        plan, process = self._plan, self._process
        scheduled = process.scheduler or process.io_priority
        if process.oom_score_adj is None and not process.rlimits and not scheduled:
            return
        plan.child.add(op.RENDEZVOUS, "process.rlimits", op.POINT_LIMITS)
        plan.meet.add(op.AWAIT, "process.rlimits", op.POINT_LIMITS)
        if process.oom_score_adj is not None:
            score = str(process.oom_score_adj).encode()
            plan.meet.add(op.WRITE_CHILD, "process.oomScoreAdj", "oom_score_adj", score)
        for index, limit in enumerate(process.rlimits):
            plan.meet.add(op.LIMIT_CHILD, f"process.rlimits[{index}]", _number(limit), limit.soft, limit.hard)
        if scheduled:
            from firkin.runtime.compile.scheduling import add_scheduling

            add_scheduling(plan.meet, process)
        plan.meet.add(op.RELEASE, "process.rlimits", op.POINT_LIMITS)

    def confine(self) -> None:
        """Streams, working directory, credentials; and the filter, if it can't come later."""
        child, process = self._plan.child, self._process
        child.add(op.CLOSE_ON_EXEC, "process")
        child.add(op.STDIO_OWNER, "process.user.uid", process.user.uid)
        child.add(op.CHDIR, "process.cwd", process.cwd, 0)
        if self._linux.memory_policy or self._linux.personality:
            from firkin.runtime.compile.scheduling import add_memory_and_personality

            add_memory_and_personality(child, self._linux)
        if process.no_new_privileges:
            child.add(op.NO_NEW_PRIVS, "process.noNewPrivileges")
        elif self._filter:
            self._filter.meet()
            self._filter.load(CREATING)
        self._find_home()
        unknown: set[str] = set()
        set_credentials(child, process, self._available, self._last, unknown, keep_groups=self._keep_groups)
        self.warnings += [f"process.capabilities: {name} can't be granted" for name in sorted(unknown)]
        child.add(op.CHDIR, "process.cwd", process.cwd, 1)
        if process.user.umask is not None:
            child.add(op.UMASK, "process.user.umask", process.user.umask)
        else:
            child.add(op.UMASK, "process.user.umask", 0o022)
        child.add(op.FIND_EXECUTABLE, "process.args", self._candidates())

    def execute(self) -> None:
        """The filter, where nothing is left to do but the execution, and the execution."""
        process = self._process
        if process.no_new_privileges and self._filter:
            self._filter.load(CREATED)
        self._plan.child.add(op.EXEC, "process.args", self._candidates(), process.args, self._env)

    def _find_home(self) -> None:
        names = {item.partition("=")[0]: item for item in self._env}
        if len(names) != len(self._env):
            # Of two variables with one name programs differ in which they see: the last one counts.
            self._env = tuple(names.values())
        # As all runtimes do: who says nothing of HOME gets that of the user in the container's /etc/passwd.
        if not any(item.startswith("HOME=") and len(item) > len("HOME=") for item in self._env):
            others = [item for item in self._env if not item.startswith("HOME=")]
            self._env = (*others, _HOME)
            self._plan.child.add(op.HOME, "process.env", self._process.user.uid, _HOME)

    def _candidates(self) -> list[str]:
        program = self._process.args[0]
        if "/" in program:
            return [program]
        path = next((item[5:] for item in self._process.env if item.startswith("PATH=")), _DEFAULT_PATH)
        return [f"{directory or '.'}/{program}" for directory in path.split(":")] if program else [""]


def keeps_groups(annotations: Mapping[str, str]) -> bool:
    """Whether the supplementary groups stay the caller's, as podman's `--group-add keep-groups` wants it."""
    return annotations.get("run.oci.keep_original_groups", "0") != "0"


def check_terminal(process: Process | None, socket: str, *, foreground: bool) -> None:
    """Raise ConfigError where a process has a terminal and nobody to hold it, or the other way round.

    Parameters: `socket` is the path of --console-socket, or ""; with `foreground` the caller stays.
    """
    is_there = process is not None and process.terminal
    if socket and not is_there:
        raise ConfigError("process.terminal", "is false, but there is a --console-socket to send a terminal to")
    if is_there and not socket and not foreground:
        raise ConfigError("process.terminal", "needs a --console-socket, as nobody stays to hold the terminal")


def connect_pidfd(plan: PlanBuilder, socket: str) -> int:
    """The slot of a connection to the socket that is to be sent a pidfd."""
    slot = plan.private_slot()
    plan.prepare.add(op.CONNECT, "--pidfd-socket", slot, socket)
    return slot


def _number(limit: Rlimit) -> int:
    return _RLIMITS.index(limit.type.removeprefix("RLIMIT_"))

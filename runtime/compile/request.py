"""What the plan compiler is asked, beside the configuration: the caller's wishes and facts about the host."""

from __future__ import annotations

from firkin.oci.record import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firkin.cgroupfs.hierarchy import Hierarchy
    from firkin.oci.snapshots.overlay import Overlay
    from firkin.runtime.scope import Scope

__all__ = ["Host", "Request"]


class Request:
    """One `create` or `run`.

    `id`, `bundle` (absolute) and `state_root` name the container. `run` starts it at once, otherwise it waits for
    `start`; with `foreground` the caller stays and holds the terminal, whose rows and columns are `terminal_size`;
    with `plain_lines` nothing shows what the terminal says, and its lines end without carriage returns. `pid_file`,
    `console_socket` and `pidfd_socket` are paths or "". `preserve_fds` counts descriptors from 3. `keyring` asks for a
    session keyring of its own, `pivot` for pivot_root(2) and not chroot(2). `created` is the RFC 3339 time of
    creation, `owner` the uid that asked, `config` the text of config.json. `nursery` is the path of a mount namespace
    to be born in (`firkin.runtime.nursery`), "" for the caller's. `scope` is that of systemd in which the container
    goes, None for a cgroup that the plan makes. `trees` are overlays that paths stand for, wherever the configuration
    names these paths as the root or as the source of a bind mount. `holding` is the directory of what belongs to this
    container alone, "" for none: `delete` removes it.
    """

    def __init__(
        self,
        *,
        id: str,
        bundle: str,
        state_root: str,
        config: bytes,
        created: str,
        owner: int = 0,
        run: bool = False,
        foreground: bool = False,
        terminal_size: tuple[int, int] = (0, 0),
        plain_lines: bool = False,
        pid_file: str = "",
        console_socket: str = "",
        pidfd_socket: str = "",
        preserve_fds: int = 0,
        keyring: bool = True,
        pivot: bool = True,
        nursery: str = "",
        scope: Scope | None = None,
        trees: Mapping[str, Overlay] = NOTHING,
        holding: str = "",
    ) -> None:
        self.id = id
        self.bundle = bundle
        self.state_root = state_root
        self.config = config
        self.created = created
        self.owner = owner
        self.run = run
        self.foreground = foreground
        self.terminal_size = terminal_size
        self.plain_lines = plain_lines
        self.pid_file = pid_file
        self.console_socket = console_socket
        self.pidfd_socket = pidfd_socket
        self.preserve_fds = preserve_fds
        self.keyring = keyring
        self.pivot = pivot
        self.nursery = nursery
        self.scope = scope
        self.trees = trees
        self.holding = holding


class Host:
    """Facts about the host that a plan depends on.

    `environment` is the caller's, for hooks that bring none; `last_capability` the kernel's highest number,
    `permitted` the mask of the caller's own capabilities; `seccomp_cache` a directory for compiled filters, or "".
    `apparmor` and `selinux` say that the kernel has the security module, and it is in force.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        *,
        environment: Mapping[str, str],
        last_capability: int = 63,
        permitted: int = -1,
        seccomp_cache: str = "",
        apparmor: bool = False,
        selinux: bool = False,
    ) -> None:
        self.hierarchy = hierarchy
        self.environment: Sequence[str] = [f"{name}={value}" for name, value in environment.items()]
        self.last_capability = last_capability
        self.permitted = permitted
        self.seccomp_cache = seccomp_cache
        self.apparmor = apparmor
        self.selinux = selinux

    def grantable(self, *, in_user_namespace: bool) -> int:
        """The mask of the capabilities that a container can have: all in its own user namespace, else the caller's."""
        everything = (1 << self.last_capability + 1) - 1
        return everything if in_user_namespace else everything & self.permitted

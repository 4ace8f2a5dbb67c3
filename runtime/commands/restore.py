"""`firkin restore`: make a container of a checkpoint."""

from __future__ import annotations

from firkin.runtime.checkpoint.options import OPTIONS
from firkin.runtime.cli.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "restore",
    "make a container whose processes go on from a checkpoint",
    "CONTAINER",
    group="Life of a container",
    options=(
        Option("bundle", "b", "DIR", "directory of the bundle (default: the current directory)"),
        Option("config", "f", "FILE", "read this configuration instead of the bundle's config.json"),
        Option("detach", "d", help="return as soon as the container runs"),
        Option("console-socket", "", "SOCKET", "unix socket to send the terminal's master end to"),
        Option("pid-file", "", "FILE", "write the process id of the container's first process to FILE"),
        Option("no-pivot", help="accepted: CRIU moves into the root by itself"),
        Option("no-subreaper", help="do not become the reaper of orphaned processes"),
        Option("lsm-profile", "", "TYPE:NAME", "security profile in place of the one that was dumped"),
        Option("lsm-mount-context", "", "LABEL", "SELinux label of mounts in place of the one that was dumped"),
        *OPTIONS,
    ),
    description=(
        "Makes the cgroup, its limits and its device rules as config.json in the bundle asks for, and has CRIU make "
        "the processes in it, as firkin checkpoint has written them to the directory of --image-path. Bind mounts, "
        "joined namespaces of network and processes, and the root come from config.json; they must be what the "
        "processes had. Without --detach the container is deleted when it has ended, as by firkin run."
    ),
    examples=(
        ("firkin restore -b /bundles/web --image-path /var/tmp/web web", "go on in the foreground"),
        ("firkin restore --detach --pid-file web.pid --image-path /var/tmp/web web", "as an engine would"),
    ),
    exit_codes=(("N", "what the program returned, or 128 + the number of the signal that ended it"),),
)


def run(invocation: Invocation) -> int:
    """Restore the container; returns the program's exit code, or 0 with `--detach`."""
    from firkin.runtime.checkpoint.restore import restore

    return restore(invocation)

"""`firkin ps`: show the processes of a container."""

from __future__ import annotations

from firkin.cgroupfs.tree import Cgroup
from firkin.errors import FirkinError
from firkin.runtime.cli.options import Command, Option
from firkin.runtime.status import STOPPED, check
from firkin.runtime.store import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["COMMAND", "run"]

COMMAND = Command(
    "ps",
    "show the processes of a container",
    "CONTAINER [PS-OPTION...]",
    group="Looking at containers",
    options=(Option("format", "f", "FORMAT", "form of the list", default="table", choices=("table", "json")),),
    description="The table is made by ps(1), to which every PS-OPTION goes (-ef if there is none).",
    examples=(
        ("firkin ps web -eo pid,comm", "a table with these columns"),
        ("firkin ps --format json web", "an array of process ids"),
    ),
    passthrough=True,
)


def run(invocation: Invocation) -> int:
    """Print the processes; returns 0."""
    with Container(invocation.root, invocation.container) as container:
        status = container.status()
        check("ps", container.id, status)
        pids = [] if status == STOPPED else _processes(container)
    if invocation.text("format") == "json":
        print("[" + ",".join(map(str, pids)) + "]")
    else:
        print(_table(pids, invocation.arguments[1:] or ["-ef"]), end="")
    return 0


def _processes(container: Container) -> list[int]:
    with Cgroup(container.cgroup) as cgroup:
        return sorted(cgroup.processes())


def _table(pids: list[int], options: list[str]) -> str:
    import subprocess

    try:
        listing = subprocess.run(["ps", *options], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise FirkinError("ps: not found", hint="install procps, or use --format json") from None
    except subprocess.CalledProcessError as error:
        raise FirkinError(f"ps {' '.join(options)}: {error.stderr.strip()}") from error
    head, *lines = listing.splitlines(keepends=True)
    if "PID" not in head.split():
        raise FirkinError(f"ps {' '.join(options)}: has no column PID to find the container's processes by")
    column = head.split().index("PID")
    wanted = set(map(str, pids))
    return head + "".join(line for line in lines if line.split()[column] in wanted)

"""`python -m tests.vm`: run a command as root in a throw-away guest that sees this machine's files."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
from typing import TYPE_CHECKING

from tests.vm.errors import VmError
from tests.vm.session import DIED, TIMED_OUT, Options, describe, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_EPILOG = f"""The command sees pure cgroup v2 at /sys/fs/cgroup and may write anywhere: only what it writes
below an --rw directory remains. /run is a tmpfs (the root, an overlay, can carry no further overlay).
The status is the command's; {DIED} if the guest died (its console is on stderr); {TIMED_OUT} at --timeout."""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line `arguments`; returns the status to exit with."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    options = Options(
        processors=chosen.smp,
        memory=chosen.mem,
        kernel=chosen.kernel,
        writable=chosen.rw,
        disks=chosen.disk,
        swap=chosen.swap,
        systemd=chosen.systemd,
        timeout=chosen.timeout,
    )
    _allow_many_descriptors()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _exit_on_signal)
    try:
        if chosen.describe:
            print(describe(options))
            return 0
        return run(options, chosen.command)
    except (VmError, OSError) as error:
        print(f"tests.vm: error: {error}", file=sys.stderr)
        return DIED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--smp", type=int, default=2, metavar="N", help="processors (2)")
    parser.add_argument("--mem", type=int, default=1024, metavar="MIB", help="memory (1024)")
    parser.add_argument(
        "--kernel", metavar="V", help="an installed version, or a directory with boot/ and lib/modules/"
    )
    parser.add_argument(
        "--rw", action="append", default=[], metavar="DIR", help="a directory that the guest may write to"
    )
    parser.add_argument(
        "--disk", action="append", default=[], type=int, metavar="MIB", help="a scratch disk: /dev/vda, ..."
    )
    parser.add_argument("--swap", type=int, default=0, metavar="MIB", help="swap space")
    parser.add_argument("--systemd", action="store_true", help="systemd is PID 1, the command a service of it")
    parser.add_argument(
        "--timeout", type=float, default=3600, metavar="S", help="seconds until the guest is ended (3600)"
    )
    parser.add_argument("--describe", action="store_true", help="print which guest would be started, and start none")
    parser.add_argument("command", nargs="*", metavar="COMMAND", default=["true"])
    return parser


def _allow_many_descriptors() -> None:
    # virtiofsd holds one for each inode that the guest has cached.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    # An exception, so that every context ends what it started.
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The options that checkpoint and restore have in common, and what they ask of CRIU."""

from __future__ import annotations

import os

from firkin.errors import FirkinError, UsageError
from firkin.runtime.checkpoint.messages import Opts, Value
from firkin.runtime.cli.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.runtime.cli.commands import Invocation

__all__ = ["OPTIONS", "Places", "check_options", "common_fields", "places_of"]

OPTIONS = (
    Option("image-path", "", "DIR", "directory of the checkpoint (default: ./checkpoint)"),
    Option("work-path", "", "DIR", "directory of CRIU's log and statistics (default: that of --image-path)"),
    Option("tcp-established", help="allow TCP connections that are established"),
    Option("ext-unix-sk", help="allow unix sockets with an end outside of the container"),
    Option("shell-job", help="allow a controlling terminal from outside"),
    Option("file-locks", help="allow locks of files"),
    Option("link-remap", help="allow open files that have no name any more, by names that CRIU gives them"),
    Option("auto-dedup", help="drop the pages of parent checkpoints that a later one holds too"),
    Option(
        "manage-cgroups-mode",
        "",
        "MODE",
        "what CRIU does about cgroups, which are firkin's here",
        default="ignore",
        choices=("ignore",),
    ),
    Option("empty-ns", "", "TYPE", "leave what is in this namespace to whoever restores", choices=("network",)),
    Option(
        "network-lock",
        "",
        "METHOD",
        "how CRIU holds packets back meanwhile",
        default="iptables",
        choices=("iptables", "nftables", "skip"),
    ),
    Option("lazy-pages", help="not supported: all pages are written and read at once"),
    Option("page-server", "", "ADDRESS:PORT", "not supported: all pages go to --image-path"),
    Option("status-fd", "", "FD", "not supported: it is of use with --lazy-pages"),
)

_REFUSED = ("lazy-pages", "page-server", "status-fd")

_NEW_NETWORK = 0x40000000
_METHODS = {"iptables": 1, "nftables": 2, "skip": 3}
_VERBOSE = 4


def check_options(invocation: Invocation) -> None:
    """Raise UsageError for options that other runtimes have, and this one refuses."""
    for name in _REFUSED:
        if invocation.given(name):
            problem = f"option --{name} is not supported"
            raise UsageError(f"{invocation.command.name}: {problem}", hint="pages are written and read at once here")


class Places:
    """The directory of the images and that of CRIU's log, whose name is `log_name`, held open; a context manager.

    Raises FirkinError if one can not be made or, without `make`, that of the images does not exist.
    """

    def __init__(self, images: str, work: str, log_name: str, *, make: bool) -> None:
        self.images_path = images
        self.log_name = log_name
        self.log = f"{work}/{log_name}"
        self.images = _open_directory(images, make=make)
        try:
            self.work = _open_directory(work, make=True)
        except FirkinError:
            os.close(self.images)
            raise

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self.images)
        os.close(self.work)

    def fields(self) -> dict[int, Value]:
        """Where CRIU reads and writes, and that cgroups are none of its concerns, as fields of `criu_opts`."""
        return {
            # CRIU opens these as descriptors of the process that made the socket.
            Opts.images_dir_fd: self.images,
            Opts.work_dir_fd: self.work,
            Opts.log_file: self.log_name,
            Opts.log_level: _VERBOSE,
            # The value of `ignore`.
            Opts.manage_cgroups_mode: 0,
        }


def _open_directory(path: str, *, make: bool) -> int:
    try:
        if make:
            os.makedirs(path, 0o700, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FirkinError(f"{'make' if make else 'open'} {path}: {error.strerror}") from error


def places_of(invocation: Invocation, log_name: str, *, make: bool) -> Places:
    """The directories of the command line. Raises FirkinError."""
    images = os.path.abspath(invocation.text("image-path") or "checkpoint")
    return Places(images, os.path.abspath(invocation.text("work-path") or images), log_name, make=make)


def common_fields(invocation: Invocation) -> dict[int, Value]:
    """What the options ask of CRIU, as fields of `criu_opts`."""
    return {
        Opts.tcp_established: invocation.flag("tcp-established"),
        Opts.ext_unix_sk: invocation.flag("ext-unix-sk"),
        Opts.shell_job: invocation.flag("shell-job"),
        Opts.file_locks: invocation.flag("file-locks"),
        Opts.link_remap: invocation.flag("link-remap"),
        Opts.auto_dedup: invocation.flag("auto-dedup"),
        Opts.network_lock: _METHODS[invocation.text("network-lock")],
        **({Opts.empty_ns: _NEW_NETWORK} if invocation.text("empty-ns") else {}),
    }

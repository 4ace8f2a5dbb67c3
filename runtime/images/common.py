"""The options of the commands about images, and the store that they name."""

from __future__ import annotations

import _signal
import os

from firkin.errors import KernelError
from firkin.runtime.cli.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firkin.oci.image.manifest import Platform
    from firkin.oci.policy.policy import Policy
    from firkin.oci.store.images import ImageStore
    from firkin.runtime.cli.commands import Invocation

__all__ = [
    "EVERY",
    "GROUP",
    "PLATFORM",
    "POLICY",
    "STORE",
    "ignore_broken_pipes",
    "open_store",
    "platform_of",
    "policy_of",
]

GROUP = "Images"
STORE = Option("store", "", "DIR", "directory of the images (default: /var/lib/firkin, or $XDG_DATA_HOME/firkin)")
PLATFORM = Option("platform", "", "PLATFORM", "OS/ARCHITECTURE[/VARIANT] (default: this machine's)")
EVERY = Option("all-platforms", help="all images of an index, with the index itself")
POLICY = Option("policy", "", "FILE", "which images are allowed (default: /etc/firkin/policy.toml)")


def open_store(invocation: Invocation) -> ImageStore:
    """The store that --store names; from here on an interrupted command cleans up. Raises KernelError, StateError."""
    from firkin.oci.store.images import ImageStore, default_root

    ignore_broken_pipes()
    _unwind_on_signals()
    path = invocation.text("store")
    root = os.path.abspath(path) if path else default_root()
    try:
        return ImageStore(root)
    except OSError as error:
        raise KernelError(f"open the images in {root}", error.errno or 0) from error


def ignore_broken_pipes() -> None:
    """Let a server or a program that goes away be an error that can be told, instead of the end of this process."""
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)


def _unwind_on_signals() -> None:
    # The interpreter is started without handlers, as most commands have nothing to undo that the next one does not.
    for number, handler in ((_signal.SIGINT, _signal.default_int_handler), (_signal.SIGTERM, _end)):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, handler)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def platform_of(invocation: Invocation) -> Platform:
    """The platform that --platform names. Raises ImageError."""
    from firkin.oci.image.platform import host_platform, parse_platform

    text = invocation.text("platform")
    return parse_platform(text) if text else host_platform()


def policy_of(invocation: Invocation) -> Policy:
    """The policy that --policy names."""
    from firkin.oci.policy.policy import Policy
    from firkin.oci.policy.rules import POLICY_FILE

    return Policy(invocation.text("policy") or POLICY_FILE)

"""The system call filter: from the `linux.seccomp` record to the bytes that seccomp(2) takes.

`firkin.runtime.seccomp.cache.filter_for` is the entry. It answers from a directory of compiled filters, and imports
the compiler, and with it libseccomp, only for a profile that it has not met before.
"""

from __future__ import annotations

__all__ = ["Filter"]


class Filter:
    """A compiled filter.

    `program` is an array of struct sock_filter in the machine's byte order, `flags` the SECCOMP_FILTER_FLAG_* bits
    for seccomp(2). `notify` is true if some action is SCMP_ACT_NOTIFY: then `flags` has NEW_LISTENER, and the call
    returns a descriptor. `warnings` are sentences about what the filter leaves out, with their JSON paths.
    """

    __slots__ = ("flags", "notify", "program", "warnings")

    def __init__(self, program: bytes, flags: int, notify: bool, warnings: tuple[str, ...]) -> None:
        self.program = program
        self.flags = flags
        self.notify = notify
        self.warnings = warnings

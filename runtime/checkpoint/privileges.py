"""What a process may do: noted at the checkpoint, and compared when it is restored, as CRIU does not keep everything.

CRIU keeps no_new_privs from version 3.18 on, ambient capabilities from 4.1 on.
"""

from __future__ import annotations

from collections.abc import Mapping

from firkin.errors import FirkinError, KernelError

__all__ = ["check_restored", "read_privileges"]

_MUST_BE = ("CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")
_MAY_BE_LOST = "CapAmb"


def read_privileges(pid: int) -> dict[str, str]:
    """Capabilities, no_new_privs and the mode of seccomp as proc_pid_status(5) tells them. Raises KernelError."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            pairs = (line.partition(":") for line in file)
            return {key: value.strip() for key, _, value in pairs if key in (*_MUST_BE, _MAY_BE_LOST)}
    except OSError as error:
        raise KernelError(f"read /proc/{pid}/status", error.errno or 0) from error


def check_restored(noted: Mapping[str, str], pid: int) -> str:
    """A warning about what a restored process has lost, or "". Raises FirkinError if it may do more, or else."""
    found = read_privileges(pid)
    for key in _MUST_BE:
        if key in noted and found.get(key) != noted[key]:
            raise FirkinError(
                f"restored process: its {key} is {found.get(key)}, and was {noted[key]}",
                hint="this version of CRIU does not keep it",
            )
    if noted.get(_MAY_BE_LOST, found[_MAY_BE_LOST]) != found[_MAY_BE_LOST]:
        return "restored process: its ambient capabilities are lost: CRIU keeps them from version 4.1 on"
    return ""

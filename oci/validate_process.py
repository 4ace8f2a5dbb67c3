"""Rules for the container process, of a configuration or of an exec (config.md#process)."""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.oci.checks import absolute, id_value, known, no_nul, no_nuls
from firkin.oci.json_text import dump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from firkin.oci.runtime_spec.process import Box, Process, Rlimit, User

__all__ = ["check_process"]

# getrlimit(2)
_RLIMITS = (
    "RLIMIT_AS",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_DATA",
    "RLIMIT_FSIZE",
    "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
    "RLIMIT_RSS",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
    "RLIMIT_SIGPENDING",
    "RLIMIT_STACK",
)
# OOM_SCORE_ADJ_MAX of include/uapi/linux/oom.h
_OOM_SCORE_LIMIT = 1000


def check_process(process: Process, prefix: str) -> None:
    """Check a process record; `prefix` is its JSON path with a dot, or "" for the root. Raises ConfigError."""
    absolute(process.cwd, f"{prefix}cwd")
    if not process.args:
        raise ConfigError(f"{prefix}args", "must name the program to run")
    no_nuls(process.args, f"{prefix}args")
    no_nuls(process.env, f"{prefix}env")
    no_nul(process.apparmor_profile, f"{prefix}apparmorProfile")
    no_nul(process.selinux_label, f"{prefix}selinuxLabel")
    _check_user(process.user, f"{prefix}user")
    _check_rlimits(process.rlimits, f"{prefix}rlimits")
    if process.terminal and process.console_size:
        _check_console(process.console_size, f"{prefix}consoleSize")
    score = process.oom_score_adj
    if score is not None and not -_OOM_SCORE_LIMIT <= score <= _OOM_SCORE_LIMIT:
        raise ConfigError(f"{prefix}oomScoreAdj", f"must be from -1000 to 1000, got {score}")
    if process.scheduler or process.io_priority or process.exec_cpu_affinity:
        from firkin.oci.validate_scheduling import check_scheduling

        check_scheduling(process, prefix)


def _check_user(user: User, path: str) -> None:
    id_value(user.uid, f"{path}.uid")
    id_value(user.gid, f"{path}.gid")
    for index, gid in enumerate(user.additional_gids):
        id_value(gid, f"{path}.additionalGids[{index}]")


def _check_rlimits(rlimits: Sequence[Rlimit], path: str) -> None:
    seen: dict[str, int] = {}
    for index, rlimit in enumerate(rlimits):
        place = f"{path}[{index}]"
        known(rlimit.type, _RLIMITS, f"{place}.type", "resource limit")
        if rlimit.type in seen:
            raise ConfigError(f"{place}.type", f"{dump(rlimit.type)} was given before, at {path}[{seen[rlimit.type]}]")
        seen[rlimit.type] = index
        if rlimit.soft > rlimit.hard:
            raise ConfigError(f"{place}.soft", f"{rlimit.soft} is more than the hard limit {rlimit.hard}")


def _check_console(size: Box, path: str) -> None:
    # struct winsize holds unsigned shorts: a greater number would be cut.
    for name, value in (("height", size.height), ("width", size.width)):
        if value > 0xFFFF:
            raise ConfigError(f"{path}.{name}", f"must be 65535 or less, got {value}")

"""The vocabulary of profiles: actions, operators and rules, checked (config-linux.md#seccomp)."""

from __future__ import annotations

from errno import EPERM

from firkin.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from firkin.oci.runtime_spec import Seccomp, Syscall, SyscallArg

    Condition: TypeAlias = tuple[int, str, int, int]  # argument, SCMP_CMP_* without prefix, value, second value
    Conditions: TypeAlias = tuple[Condition, ...]  # all of which must hold

__all__ = ["AT", "EPERM_VERDICT", "NOTIFY", "Rule", "default_verdict", "is_laxer", "rules_of"]

AT = "linux.seccomp"  # the profile's place in its document

# SECCOMP_RET_*, under the names that libseccomp has for them.
_ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
NOTIFY = _ACTIONS["SCMP_ACT_NOTIFY"]
EPERM_VERDICT = _ACTIONS["SCMP_ACT_ERRNO"] | EPERM
# The kernel cuts an errno off at MAX_ERRNO, and a tracer's data at 16 bits.
_MAX_DATA = {"SCMP_ACT_ERRNO": 4095, "SCMP_ACT_TRACE": 0xFFFF}

_OPERATORS = ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ")
_MAX_ARGUMENTS = 6


class Rule:
    """A verdict for some calls, if one of the alternatives holds; `at` is the rule's place in the document."""

    __slots__ = ("alternatives", "at", "names", "verdict")

    def __init__(self, at: str, names: tuple[str, ...], verdict: int, alternatives: tuple[Conditions, ...]) -> None:
        self.at = at
        self.names = names
        self.verdict = verdict
        self.alternatives = alternatives


def default_verdict(seccomp: Seccomp) -> int:
    """The SECCOMP_RET_* value for calls without rule. Raises ConfigError for an action that can not be the default."""
    verdict = _verdict(seccomp.default_action, seccomp.default_errno_ret, AT, "defaultAction", "defaultErrnoRet")
    if verdict == NOTIFY:
        # The process that installs the filter would wait for an agent that has not got the descriptor yet.
        raise ConfigError(f"{AT}.defaultAction", "SCMP_ACT_NOTIFY can not be the default")
    return verdict


def rules_of(seccomp: Seccomp) -> list[Rule]:
    """The rules in the order of the document. Raises ConfigError with the JSON path of what is wrong."""
    return [_rule(syscall, f"{AT}.syscalls[{index}]") for index, syscall in enumerate(seccomp.syscalls)]


def is_laxer(verdict: int, other: int) -> bool:
    """Whether the kernel would take `other` if two filters gave these verdicts."""
    return _precedence(verdict) > _precedence(other)


def _precedence(verdict: int) -> int:
    # The kernel compares actions as signed numbers, so that SECCOMP_RET_KILL_PROCESS comes first.
    return (verdict & 0xFFFF0000 ^ 0x80000000) - 0x80000000


def _rule(syscall: Syscall, at: str) -> Rule:
    verdict = _verdict(syscall.action, syscall.errno_ret, at, "action", "errnoRet")
    if not syscall.names:
        raise ConfigError(f"{at}.names", "must have at least one entry")
    return Rule(at, syscall.names, verdict, tuple(_alternatives(syscall, at)))


def _verdict(action: str, errno_ret: int | None, at: str, action_field: str, errno_field: str) -> int:
    if action not in _ACTIONS:
        known = ", ".join(_ACTIONS)
        raise ConfigError(f"{at}.{action_field}", f"unknown action {action!r}", hint=f"known are {known}")
    if action not in _MAX_DATA:
        if errno_ret is not None:
            raise ConfigError(f"{at}.{errno_field}", f"{action} takes no errno")
        return _ACTIONS[action]
    data = EPERM if errno_ret is None else errno_ret
    if data > _MAX_DATA[action]:
        raise ConfigError(f"{at}.{errno_field}", f"{data} is more than {_MAX_DATA[action]}")
    return _ACTIONS[action] | data


def _alternatives(syscall: Syscall, at: str) -> Iterator[Conditions]:
    # Conditions that share an argument are alternatives: no specification says so, all its implementations do.
    conditions = [_condition(arg, f"{at}.args[{index}]") for index, arg in enumerate(syscall.args)]
    if len({condition[0] for condition in conditions}) == len(conditions):
        yield tuple(conditions)
        return
    for condition in conditions:
        yield (condition,)


def _condition(arg: SyscallArg, at: str) -> Condition:
    if arg.index >= _MAX_ARGUMENTS:
        raise ConfigError(f"{at}.index", f"system calls have the arguments 0 to {_MAX_ARGUMENTS - 1}, not {arg.index}")
    operator = arg.op.removeprefix("SCMP_CMP_")
    if operator not in _OPERATORS or operator == arg.op:
        known = ", ".join([f"SCMP_CMP_{name}" for name in _OPERATORS])
        raise ConfigError(f"{at}.op", f"unknown operator {arg.op!r}", hint=f"known are {known}")
    return arg.index, operator, arg.value, arg.value_two

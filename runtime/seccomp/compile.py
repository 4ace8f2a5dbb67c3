"""From a seccomp profile to a filter.

Semantics are those of the specification (config-linux.md#seccomp) and, where it is silent, what its implementations
have in common: names that libseccomp does not know are left out (with a warning), and a rule that asks for the
default action says nothing.
"""

from __future__ import annotations

from firkin.errors import ConfigError
from firkin.runtime.seccomp import Filter, libseccomp
from firkin.runtime.seccomp.bpf import INSTRUCTION_SIZE, MAX_INSTRUCTIONS
from firkin.runtime.seccomp.program import program_for
from firkin.runtime.seccomp.rules import AT, NOTIFY, default_verdict, rules_of
from firkin.runtime.seccomp.tables import table_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from firkin.oci.runtime_spec import Seccomp
    from firkin.runtime.seccomp.rules import Rule

__all__ = ["compile_filter"]

# libseccomp's names; the specification's are SCMP_ARCH_ and the same in capitals.
# fmt: off
_ARCHITECTURES = (
    "x86", "x86_64", "x32", "arm", "aarch64", "mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32",
    "ppc", "ppc64", "ppc64le", "s390", "s390x", "parisc", "parisc64", "riscv64", "loongarch64", "m68k", "sh", "sheb",
)
# fmt: on
_LITTLE_ENDIAN = 0x40000000  # __AUDIT_ARCH_LE in an architecture's token

_FLAG_TSYNC = 1
_FLAG_SPEC_ALLOW = 4
_FLAG_NEW_LISTENER = 8
_FLAG_TSYNC_ESRCH = 16
_FLAG_WAIT_KILLABLE_RECV = 32
_FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": _FLAG_TSYNC,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": _FLAG_SPEC_ALLOW,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": _FLAG_WAIT_KILLABLE_RECV,
}


def compile_filter(seccomp: Seccomp) -> Filter:
    """The filter of a profile. Raises ConfigError with the JSON path of what is wrong in the profile."""
    default = default_verdict(seccomp)
    rules = rules_of(seccomp)
    warnings: list[str] = []
    tokens = _architectures(seccomp, warnings)
    warnings += _unknown_names(rules)
    program = program_for({name: (token, table_for(name, token, rules, default)) for name, token in tokens.items()})
    if len(program) > MAX_INSTRUCTIONS * INSTRUCTION_SIZE:
        count = len(program) // INSTRUCTION_SIZE
        raise ConfigError(AT, f"the filter has {count} instructions, of the {MAX_INSTRUCTIONS} that the kernel takes")
    notify = any(rule.verdict == NOTIFY for rule in rules)
    return Filter(program, _flags(seccomp, notify=notify), notify, tuple(warnings))


def _architectures(seccomp: Seccomp, warnings: list[str]) -> dict[str, int]:
    # libseccomp's names and tokens of what the filter is for, the native one first.
    native = libseccomp.native_architecture()
    tokens = {name: libseccomp.architecture_token(name) for name in _ARCHITECTURES}
    used = {name: token for name, token in tokens.items() if token == native}
    for index, spec_name in enumerate(seccomp.architectures):
        name = spec_name.removeprefix("SCMP_ARCH_").lower()
        if spec_name != f"SCMP_ARCH_{name.upper()}" or name not in tokens:
            raise ConfigError(f"{AT}.architectures[{index}]", f"unknown architecture {spec_name!r}")
        token = tokens[name]
        if token and token & _LITTLE_ENDIAN == native & _LITTLE_ENDIAN:
            used[name] = token
        else:
            # A kernel of this machine can not run such code: leaving the name out changes nothing.
            warnings.append(f"{AT}.architectures[{index}]: {spec_name} can not be filtered on this machine, left out")
    return used


def _unknown_names(rules: Sequence[Rule]) -> Iterator[str]:
    native = libseccomp.native_architecture()
    version = libseccomp.library_version()
    for rule in rules:
        for index, name in enumerate(rule.names):
            if libseccomp.syscall_number(native, name) is None:
                yield f"{rule.at}.names[{index}]: libseccomp {version} does not know {name!r}, left out"


def _flags(seccomp: Seccomp, *, notify: bool) -> int:
    # Without the field, and only then, speculation is left alone: the default of the specification's implementations.
    flags = 0 if "flags" in vars(seccomp) else _FLAG_SPEC_ALLOW
    for index, name in enumerate(seccomp.flags):
        if name not in _FLAGS:
            raise ConfigError(f"{AT}.flags[{index}]", f"unknown flag {name!r}", hint=f"known are {', '.join(_FLAGS)}")
        flags |= _FLAGS[name]
    if not notify:
        return flags & ~_FLAG_WAIT_KILLABLE_RECV  # seccomp(2) takes it only with a listener
    if flags & _FLAG_TSYNC:
        flags |= _FLAG_TSYNC_ESRCH  # else the one result of seccomp(2) would stand for two things
    return flags | _FLAG_NEW_LISTENER

"""A profile of the size and shape that container engines ship: a list of calls, conditions, EPERM for the rest."""

from __future__ import annotations

from firkin.oci import default_seccomp
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Seccomp

__all__ = ["ALLOWED", "ARCHITECTURES", "DOCUMENT", "NEW_NAMESPACES", "profile"]

ALLOWED = list(default_seccomp.ALLOWED)
NEW_NAMESPACES = default_seccomp.NEW_NAMESPACES
ARCHITECTURES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64")

DOCUMENT: dict[str, object] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "architectures": list(ARCHITECTURES),
    "syscalls": [
        {"names": ALLOWED, "action": "SCMP_ACT_ALLOW"},
        {
            "names": ["personality"],
            "action": "SCMP_ACT_ALLOW",
            # Two conditions on one argument are alternatives.
            "args": [
                {"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)
            ],
        },
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}],
        },
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["no_such_call"], "action": "SCMP_ACT_ALLOW"},
    ],
}


def profile(**changes: object) -> Seccomp:
    """The record of the profile, with some fields of the document changed; None leaves a field out."""
    document = {name: value for name, value in {**DOCUMENT, **changes}.items() if value is not None}
    return decode(Seccomp, document, "linux.seccomp")

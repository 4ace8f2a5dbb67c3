from __future__ import annotations

from typing import Any

import pytest

from firkin.errors import ConfigError
from firkin.oci.default_config import default_config
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate

ALLOW = {"defaultAction": "SCMP_ACT_ALLOW"}


def error_of(**changes: Any) -> ConfigError:
    """The error of the default configuration with other values in its Linux section."""
    document = default_config()
    document["linux"] = {**document["linux"], **changes}  # type: ignore[dict-item]
    with pytest.raises(ConfigError) as caught:
        validate(decode(Config, document))
    return caught.value


SECCOMP = [
    (
        {**ALLOW, "defaultErrnoRet": 1},
        "defaultErrnoRet: is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not for SCMP_ACT_ALLOW",
    ),
    (
        {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096},
        "defaultErrnoRet: must be 4095 or less for SCMP_ACT_ERRNO, got 4096",
    ),
    (
        {"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 65536},
        "defaultErrnoRet: must be 65535 or less for SCMP_ACT_TRACE, got 65536",
    ),
    (
        {**ALLOW, "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_KILL", "errnoRet": 1}]},
        "syscalls[0].errnoRet: is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE only, not for SCMP_ACT_KILL",
    ),
    (
        {**ALLOW, "syscalls": [{"names": [], "action": "SCMP_ACT_LOG"}]},
        "syscalls[0].names: must name at least one system call",
    ),
    (
        {**ALLOW, "syscalls": [{"names": ["a", "b\0"], "action": "SCMP_ACT_LOG"}]},
        "syscalls[0].names[1]: holds a NUL character",
    ),
    (
        {
            **ALLOW,
            "syscalls": [
                {"names": ["a"], "action": "SCMP_ACT_LOG", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}
            ],
        },
        "syscalls[0].args[0].index: must be from 0 to 5, got 6",
    ),
    ({**ALLOW, "listenerMetadata": "x"}, "listenerMetadata: must not be set without listenerPath"),
    ({**ALLOW, "listenerPath": "/run/\0"}, "listenerPath: holds a NUL character"),
    ({"defaultAction": "SCMP_ACT_NOTIFY"}, "listenerPath: is required where SCMP_ACT_NOTIFY is used"),
    (
        {**ALLOW, "syscalls": [{"names": ["a"], "action": "SCMP_ACT_NOTIFY"}]},
        "listenerPath: is required where SCMP_ACT_NOTIFY is used",
    ),
]


@pytest.mark.parametrize(("seccomp", "message"), SECCOMP)
def test_a_broken_rule_of_the_filter_is_named(seccomp: dict[str, Any], message: str) -> None:
    assert str(error_of(seccomp=seccomp)) == f"config.json: linux.seccomp.{message}"

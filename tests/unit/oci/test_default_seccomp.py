"""The filter of containers of images: it is one that the runtime takes, and refuses what it must."""

from __future__ import annotations

import pytest

from firkin.oci.default_seccomp import default_seccomp
from firkin.oci.record import decode
from firkin.oci.runtime_spec import Seccomp
from firkin.runtime.seccomp.compile import compile_filter


def allowed(*capabilities: str) -> set[str]:
    rules = default_seccomp(capabilities, "x86_64")["syscalls"]
    assert isinstance(rules, list)
    return {
        name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for name in rule["names"]
    }


def test_what_only_hosts_do_is_refused() -> None:
    refused = {"mount", "umount2", "setns", "unshare", "bpf", "reboot", "init_module", "kexec_load", "swapon", "keyctl",
               "add_key", "userfaultfd", "io_uring_setup", "perf_event_open", "open_by_handle_at", "clone", "clone3",
               "iopl", "syslog", "settimeofday", "chroot"}  # fmt: skip
    assert refused.isdisjoint(allowed())
    assert {"read", "execve", "futex", "ptrace", "openat2", "landlock_create_ruleset"} <= allowed()


@pytest.mark.parametrize(
    ("capability", "call"),
    [("CAP_SYS_CHROOT", "chroot"), ("CAP_SYS_ADMIN", "mount"), ("CAP_SYS_ADMIN", "clone3"),
     ("CAP_SYS_TIME", "settimeofday"), ("CAP_DAC_READ_SEARCH", "open_by_handle_at")],
)  # fmt: skip
def test_a_capability_brings_its_calls(capability: str, call: str) -> None:
    assert call in allowed(capability) - allowed()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64"])
def test_it_compiles_without_a_word(machine: str) -> None:
    document = default_seccomp(("CAP_CHOWN",), machine)
    compiled = compile_filter(decode(Seccomp, document))
    assert compiled.program and not [text for text in compiled.warnings if "architectures" not in text]

"""The default filter: what it lets through, by capability."""

from __future__ import annotations

from firkin.oci.default_config import default_config
from firkin.oci.default_seccomp import ALLOWED, default_seccomp
from firkin.oci.encoding import encode
from firkin.oci.record import decode, replace
from firkin.oci.runtime_spec import Config
from firkin.oci.validate import validate


def allowed(*capabilities: str) -> set[str]:
    """The calls that are allowed without a condition."""
    rules = default_seccomp(capabilities, "x86_64").syscalls
    return {name for rule in rules if rule.action == "SCMP_ACT_ALLOW" and not rule.args for name in rule.names}


def test_nothing_that_reaches_the_host_is_for_everybody() -> None:
    assert not allowed() & {
        "acct", "bpf", "clone", "clone3", "delete_module", "init_module", "kexec_load", "keyctl", "mount", "move_mount",
        "open_by_handle_at", "open_tree", "perf_event_open", "pivot_root", "reboot", "setns", "swapon", "syslog",
        "umount2", "unshare", "userfaultfd",
    }  # fmt: skip
    assert {"read", "execve", "futex", "epoll_wait", "openat2", "statx"} <= allowed()
    assert len(ALLOWED) == len(set(ALLOWED))


def test_a_capability_brings_its_calls() -> None:
    assert allowed("CAP_SYS_CHROOT") - allowed() == {"chroot"}
    assert {"mount", "unshare", "setns", "clone", "clone3"} <= allowed("CAP_SYS_ADMIN")
    assert allowed("CAP_CHOWN") == allowed()


def test_it_is_a_valid_part_of_a_configuration() -> None:
    config = decode(Config, default_config())
    assert config.linux
    for machine in ("x86_64", "aarch64", "riscv64"):
        filtered = replace(config.linux, seccomp=default_seccomp(["CAP_SYS_ADMIN", "CAP_KILL"], machine))
        validate(replace(config, linux=filtered))
    assert encode(default_seccomp((), "riscv64")).get("architectures", []) == []

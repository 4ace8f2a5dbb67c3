"""The plans of sandboxes, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.errors import FirkinError
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.oci.validate import validate_sandbox
from firkin.runtime.compile.request import Host
from firkin.runtime.compile.sandbox import PINNED, SandboxRequest, compile_sandbox, compile_unpinning
from firkin.runtime.plan.disassemble import Operation, read_plan

MAPS = {kind: [{"containerID": 0, "hostID": 1000, "size": 10}] for kind in ("uidMappings", "gidMappings")}


def compiled(
    *types: str, hostname: str = "", linux: dict[str, Any] | None = None, oom_score_adj: int | None = None
) -> list[Operation]:
    namespaces = [{"type": name} for name in types]
    document = {"ociVersion": "1.3.0", "hostname": hostname, "linux": {"namespaces": namespaces, **(linux or {})}}
    config = load_config(dump(document))
    validate_sandbox(config)
    host = Host(Hierarchy("/sys/fs/cgroup", frozenset(("memory",)), frozenset()), environment={}, last_capability=40)
    request = SandboxRequest(id="x", state_root="/run/firkin", oom_score_adj=oom_score_adj)
    return list(read_plan(compile_sandbox(config, request, host)))


def names(operations: list[Operation], section: str) -> list[str]:
    return [operation.name for operation in operations if operation.section == section]


def test_process_lives_until_its_namespaces_are_pinned() -> None:
    operations = compiled("network", "ipc", "uts", hostname="pod")
    assert names(operations, "parent") == [
        "state-make",
        "state-write",
        "clone",
        "send",
        "await",
        *["pin-namespace"] * 3,
        "state-write",
        "kill-child",
    ]
    assert names(operations, "child") == ["receive", "dumpable", "setsid", "hostname", "loopback-up", "rendezvous"]
    assert names(operations, "undo") == ["kill-child", *["unpin-namespace"] * 3, "state-unlink", "state-remove"]
    assert [o.arguments["flags"] for o in operations if o.name == "clone"] == [0x4C000000]
    pins = [(o.arguments["name"], o.arguments["type"], o.origin) for o in operations if o.name == "pin-namespace"]
    assert pins[0] == ("network", 0x40000000, "linux.namespaces[0]")


def test_process_of_a_pid_namespace_stays_and_shows_nothing() -> None:
    operations = compiled("pid", "ipc", oom_score_adj=-998, linux={"cgroupsPath": "/pod/init"})
    assert names(operations, "child")[3:] == [
        "propagation",
        "mount-new",
        "root-attach",
        "pivot",
        "keep-slots",
        "no-new-privs",
        "cap-ambient",
        "cap-bound",
        "cap-set",
        "rendezvous",
        "reap",
    ]
    parent = names(operations, "parent")
    assert parent[-3:] == ["state-write", "release", "await-exec"]
    assert parent.index("write-child") < parent.index("pin-namespace")
    assert [o.arguments["name"] for o in operations if o.name == "cgroup-make"] == ["pod", "init"]
    (clone,) = (o for o in operations if o.name == "clone")
    assert clone.arguments["flags"] == 0x28020000 and clone.arguments["cgroup"] == 0
    assert "cgroup-remove" in names(operations, "undo")


def test_user_namespace_comes_first() -> None:
    operations = compiled("user", "network", "ipc", linux=MAPS)
    clones = [(o.section, o.arguments["flags"]) for o in operations if o.name == "clone"]
    assert clones == [("parent", 0), ("child", 0x50000000)]
    child = names(operations, "child")
    assert child.index("rendezvous") < child.index("setuid") < child.index("unshare") < child.index("loopback-up")
    parent = names(operations, "parent")
    assert parent.index("write-child") < parent.index("pin-namespace")


def test_sysctls_are_written_through_a_procfs_of_the_parents() -> None:
    operations = compiled("network", linux={"sysctl": {"net.ipv4.ip_forward": "1"}})
    assert "open-proc" in names(operations, "parent") and "open-proc" not in names(operations, "child")
    (write,) = (o for o in operations if o.name == "proc-write")
    assert (write.origin, write.arguments["path"]) == ("linux.sysctl[net.ipv4.ip_forward]", "sys/net/ipv4/ip_forward")


def test_sandbox_without_namespaces_is_a_record() -> None:
    operations = compiled()
    assert names(operations, "parent") == ["state-make", "state-write", "state-write"]


@pytest.mark.parametrize(
    ("types", "change", "message"),
    [
        (("mount",), {}, r"linux\.namespaces\[0\]\.type: a sandbox has no mount namespace"),
        (("ipc", "cgroup"), {}, r"linux\.namespaces\[1\]\.type: a sandbox has no cgroup namespace"),
        (("ipc",), {"linux": {"sysctl": {"net.core.somaxconn": "1"}}}, r"needs a network namespace"),
        (("network",), {"linux": {"sysctl": {"kernel.panic": "1"}}}, r"belongs to no namespace"),
        (
            (),
            {"linux": {"namespaces": [{"type": "ipc", "path": "/x"}]}},
            r"linux\.namespaces\[0\]\.path: a sandbox makes its namespaces",
        ),
    ],
)
def test_what_a_sandbox_can_not_have_is_told(types: tuple[str, ...], change: dict[str, Any], message: str) -> None:
    with pytest.raises(FirkinError, match=message):
        compiled(*types, **change)


def test_name_without_a_namespace_is_told() -> None:
    with pytest.raises(FirkinError, match=r"hostname: .*uts namespace"):
        compiled("network", hostname="pod")


def test_all_pins_are_removed() -> None:
    operations = list(read_plan(compile_unpinning("/run/firkin/x")))
    assert [o.arguments["name"] for o in operations if o.name == "unpin-namespace"] == list(PINNED)

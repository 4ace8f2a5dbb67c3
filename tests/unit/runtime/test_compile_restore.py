"""The plans that have CRIU make the processes, without a kernel."""

from __future__ import annotations

from typing import Any

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.oci.json_text import dump
from firkin.oci.runtime_spec.config import load_config
from firkin.runtime.compile.request import Host, Request
from firkin.runtime.compile.restore import compile_restore
from firkin.runtime.plan.disassemble import Operation, read_plan

_CRIU = (["/usr/sbin/criu", "swrk", "7"], ["PATH=/bin"])


def compiled(*, targets: Any = (), namespaces: Any = ("mount", "cgroup"), **process: Any) -> list[Operation]:
    document = {
        "ociVersion": "1.3.0",
        "process": {"cwd": "/", "args": ["sh"], **process},
        "root": {"path": "rootfs"},
        "linux": {"cgroupsPath": "/pods/x", "namespaces": [{"type": name} for name in namespaces]},
    }
    text = dump(document).encode()
    host = Host(Hierarchy("/sys/fs/cgroup", frozenset(), frozenset()), environment={})
    request = Request(id="x", bundle="/b", state_root="/s", config=text, created="", run=True, preserve_fds=5)
    plan, warnings = compile_restore(load_config(text), request, host, _CRIU, targets)
    assert warnings == []
    return list(read_plan(plan))


def names(operations: list[Operation], section: str) -> list[str]:
    return [operation.name for operation in operations if operation.section == section]


def test_criu_is_born_in_the_cgroup_and_a_mount_namespace_of_its_own() -> None:
    operations = compiled()
    parent = names(operations, "parent")
    assert parent.index("cgroup-devices") < parent.index("clone") < parent.index("await-exec")
    (clone,) = [one.arguments for one in operations if one.name == "clone"]
    assert clone["flags"] == 0x00020000
    assert names(operations, "child") == [
        *("receive", "unshare", "propagation", "mount-attributes", "root-attach", "keep-slots", "close-on-exec"),
        *("rendezvous", "exec"),
    ]
    (attach,) = [one.arguments for one in operations if one.name == "root-attach"]
    assert attach["path"] == "/b/rootfs"
    (execute,) = [one.arguments for one in operations if one.name == "exec"]
    assert (execute["args"], execute["env"]) == _CRIU


def test_the_record_is_without_a_process_and_is_undone() -> None:
    operations = compiled()
    written = [one.arguments["name"] for one in operations if one.name == "state-write"]
    assert written == ["state.json", "config.json"]
    assert names(operations, "undo")[:2] == ["kill-child", "cgroup-remove"]
    assert names(operations, "undo")[-1] == "state-remove"


def test_who_has_no_cgroup_namespace_gets_none() -> None:
    assert "unshare" not in names(compiled(namespaces=("mount",)), "child")


def test_no_new_privileges_are_inherited() -> None:
    assert "no-new-privs" in names(compiled(noNewPrivileges=True), "child")


def test_places_that_the_root_lacks_are_made_in_it() -> None:
    operations = compiled(
        targets=[("mounts[0]", "/a/b", False), ("mounts[1]", "/etc/f", True), ("mounts[2]", "/f", True)]
    )
    made = [(one.name, one.arguments["path"]) for one in operations if one.name in ("mkdir", "mknod")]
    assert made == [("mkdir", "/a/b"), ("mkdir", "/etc"), ("mknod", "/etc/f"), ("mkdir", "/"), ("mknod", "/f")]

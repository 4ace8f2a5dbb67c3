"""The compiler as a whole: what a configuration becomes, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from firkin.cgroupfs.hierarchy import Hierarchy
from firkin.errors import FirkinError
from firkin.oci.snapshots.overlay import Overlay
from firkin.runtime.compile.cgroup import cgroup_path
from firkin.runtime.plan.disassemble import Operation
from firkin.runtime.scope import Scope
from tests.support.compiled import compiled

NEW_NAMESPACES = 0x6C020000  # pid, network, ipc, uts, mount


def names(operations: list[Operation], section: str) -> list[str]:
    return [operation.name for operation in operations if operation.section == section]


def named(operations: list[Operation], name: str) -> list[dict[str, Any]]:
    return [operation.arguments for operation in operations if operation.name == name]


def test_record_and_cgroup_exist_before_the_child() -> None:
    parent = names(compiled(), "parent")
    assert parent[:2] == ["state-make", "state-write"]
    assert parent.index("cgroup-devices") < parent.index("clone") < parent.index("await")


def test_all_new_namespaces_are_made_in_one_call_but_that_of_the_cgroup() -> None:
    operations = compiled()
    assert [clone["flags"] for clone in named(operations, "clone")] == [NEW_NAMESPACES]
    assert [unshare["types"] for unshare in named(operations, "unshare")] == [0x02000000]


def test_user_namespace_takes_two_births_and_no_device_node() -> None:
    mapping = [{"containerID": 0, "hostID": 1000, "size": 10}]
    operations = compiled(
        {
            "linux.namespaces": [{"type": "mount"}, {"type": "user"}, {"type": "pid"}],
            "linux.uidMappings": mapping,
            "linux.gidMappings": mapping,
            "hostname": "",
        }
    )
    assert [(o.section, o.arguments["flags"]) for o in operations if o.name == "clone"] == [
        ("parent", 0),
        ("child", 0x30020000),
    ]
    assert {w["file"]: w["value"] for w in named(operations, "write-child")} == {
        "uid_map": b"0 1000 10\n",
        "gid_map": b"0 1000 10\n",
    }
    assert named(operations, "mknod") == []
    assert len(named(operations, "open-device-tree")) == 6


def test_joined_namespaces_are_entered_user_first_and_mount_last() -> None:
    listed = [{"type": kind, "path": f"/ns/{kind}"} for kind in ("mount", "ipc", "user")]
    operations = compiled(
        {"linux.namespaces": listed, "mounts": [], "linux.maskedPaths": [], "linux.readonlyPaths": [], "hostname": ""}
        | {"root.readonly": False}
    )
    assert [s["types"] for s in named(operations, "setns")] == [0x10000000, 0x08000000, 0x00020000]
    assert "pivot" not in names(operations, "child")
    assert "chroot" in names(operations, "child")


def test_limits_are_written_before_the_birth_and_their_controllers_enabled() -> None:
    operations = compiled({"linux.resources": {"memory": {"limit": 1 << 20}, "pids": {"limit": 5}}})
    written = {w["file"]: w["value"] for w in named(operations, "cgroup-write")}
    assert written["memory.max"] == b"1048576"
    assert written["pids.max"] == b"5"
    assert {enable["required"] for enable in named(operations, "cgroup-enable")} == {"+memory +pids"}


def test_limit_without_its_controller_is_refused_with_its_place() -> None:
    with pytest.raises(FirkinError, match=r"linux\.resources\.hugepageLimits.*hugetlb"):
        compiled({"linux.resources": {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}})


def test_create_waits_and_run_does_not() -> None:
    assert "wait-start" not in names(compiled(), "child")
    created = compiled(run=False)
    assert names(created, "child")[-2:] == ["wait-start", "exec"]
    assert "await-exec" not in names(created, "parent")


def test_filter_comes_last_with_no_new_privileges_and_before_the_user_without() -> None:
    seccomp = {"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}}
    with_nnp = names(compiled({**seccomp, "process.noNewPrivileges": True}), "child")
    assert with_nnp[-2:] == ["seccomp", "exec"]
    without = names(compiled({**seccomp, "process.noNewPrivileges": False}), "child")
    assert without.index("seccomp") < without.index("setuid")


def test_hooks_run_at_their_points() -> None:
    hooks = {
        point: [{"path": f"/{point}"}]
        for point in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    }
    operations = compiled({"hooks": hooks})
    ran = [(o.section, o.arguments["path"]) for o in operations if o.name == "hook"]
    assert ran == [
        ("parent", "/prestart"),
        ("parent", "/createRuntime"),
        ("parent", "/poststart"),
        ("child", "/createContainer"),
        ("child", "/startContainer"),
    ]
    child = names(operations, "child")
    assert child.index("rendezvous") < child.index("pivot")
    assert named(operations, "root-attach")[0]["path"] == "/b/rootfs"


def test_masked_paths_of_proc_are_looked_up_from_its_mount() -> None:
    operations = compiled()
    proc = next(m["out"] for m in named(operations, "mount-new") if m["type"] == "proc")
    assert {"root": proc, "path": "kcore"}.items() <= named(operations, "mask")[2].items()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"linux.namespaces": []}, "linux.namespaces: has no mount namespace"),
        ({"mounts": [{"destination": "/proc/x", "type": "tmpfs"}]}, r"mounts\[0\]\.destination: /proc/x is inside"),
        ({"mounts": [{"destination": "/a", "type": "bind"}]}, r"mounts\[0\]\.source: is empty"),
        ({"mounts": [{"destination": "/a"}]}, r"mounts\[0\]\.type: is empty"),
        (
            {"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap"]}]},
            "only bind mounts can have their ids",
        ),
        ({"linux.rootfsPropagation": "sideways"}, "linux.rootfsPropagation: unknown value"),
        ({"linux.sysctl": {"kernel.core_pattern": "|/x"}}, "belongs to no namespace"),
        ({"linux.sysctl": {"kernel.hostname": "h"}}, "is set by `hostname`"),
        ({"linux.sysctl": {"user.max_user_namespaces": "1"}}, "needs a user namespace"),
        ({"process.apparmorProfile": "p"}, "process.apparmorProfile: is 'p', and this host has no AppArmor"),
        ({"process.selinuxLabel": "l"}, "process.selinuxLabel: is 'l', and this host has no SELinux"),
        ({"linux.mountLabel": "l"}, "linux.mountLabel: is 'l', and this host has no SELinux"),
        ({"linux.intelRdt": {"closID": "x"}}, "linux.intelRdt: is not supported"),
        ({"process.terminal": True}, "needs a --console-socket"),
    ],
)
def test_what_can_not_be_done_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FirkinError, match=message):
        compiled(change)


def attributes(operations: list[Operation]) -> list[tuple[str, bytes]]:
    return [(write["path"], write["value"]) for write in named(operations, "proc-write")]


def test_security_modules_are_told_after_the_hooks_of_the_host() -> None:
    hook = {"path": "/bin/true"}
    change = {"process.apparmorProfile": "p", "process.selinuxLabel": "u:r:t:s0", "hooks": {"createContainer": [hook]}}
    operations = compiled(change, apparmor=True, selinux=True)
    assert attributes(operations) == [
        ("thread-self/attr/apparmor/exec", b"exec p"),
        ("thread-self/attr/exec", b"u:r:t:s0"),
    ]
    child = names(operations, "child")
    assert child.index("hook") < child.index("proc-write") < child.index("pivot") < child.index("keep-slots")
    # The procfs is the host's, and gone before anything of the container can look for it.
    assert "open-proc" in names(operations, "parent")
    assert child[child.index("proc-write") + 2] == "close"


def test_to_be_unconfined_is_possible_anywhere() -> None:
    change = {"process.apparmorProfile": "unconfined"}
    assert attributes(compiled(change)) == []
    assert attributes(compiled(change, apparmor=True)) == [("thread-self/attr/apparmor/exec", b"exec unconfined")]


def test_what_is_mounted_has_its_label() -> None:
    label = "system_u:object_r:container_file_t:s0:c1,c2"
    overlay = Overlay(["/layer"], "/upper", "/work")
    operations = compiled({"linux.mountLabel": label, "root.path": "/shown"}, selinux=True, trees={"/shown": overlay})
    text = f"=context\0{label}\0".encode()
    labelled = {mount["type"] for mount in named(operations, "mount-new") if text in mount["options"]}
    others = {mount["type"] for mount in named(operations, "mount-new")} - labelled
    assert "tmpfs" in labelled
    assert {"proc", "sysfs", "mqueue"} <= others
    assert text in named(operations, "overlay")[0]["options"]


@pytest.mark.parametrize(
    ("asked", "path"), [("", "firkin-x"), ("/a/b", "a/b"), ("a//b/./c", "a/b/c"), ("a:b:c", "a:b:c")]
)
def test_cgroup_path(asked: str, path: str) -> None:
    assert cgroup_path(asked, "x") == path


def scope() -> Scope:
    found = Scope("system.slice", "firkin-x.scope", "system.slice/firkin-x.scope", user=False)
    found.pid, found.started = 77, 1234
    return found


def test_in_a_scope_a_process_is_born_where_its_placeholder_is() -> None:
    operations = compiled(scope=scope())
    parent = names(operations, "parent")
    assert "cgroup-make" not in parent and "cgroup-enable" not in parent
    assert "cgroup-remove" not in names(operations, "undo")
    (opened,) = named(operations, "open-process")
    (cgroup,) = named(operations, "cgroup-of")
    assert (opened["pid"], opened["start_time"], cgroup["pid"]) == (77, 1234, 77)
    assert named(operations, "clone")[0]["cgroup"] == cgroup["out"]
    assert named(operations, "end-process") == [{"process": opened["out"]}]
    assert parent.index("clone") < parent.index("await") < parent.index("end-process")
    assert parent[parent.index("end-process") :].count("release") == 1
    record = named(operations, "state-write")[-1]["template"]
    assert b'"unit":"firkin-x.scope","manager":"system"' in record.replace(b" ", b"")
    assert b'"cgroup":"system.slice/firkin-x.scope"' in record.replace(b" ", b"")


def test_without_a_scope_nothing_of_systemd_is_in_the_plan_or_the_record() -> None:
    operations = compiled()
    assert named(operations, "end-process") == named(operations, "cgroup-of") == []
    assert all(b"unit" not in write["template"] for write in named(operations, "state-write"))


def test_the_limit_of_processes_has_room_for_the_placeholder_as_long_as_it_is_there() -> None:
    operations = compiled({"linux.resources": {"pids": {"limit": 1}, "memory": {"limit": 4096}}}, scope=scope())
    parent = [operation for operation in operations if operation.section == "parent"]
    order = [operation.name for operation in parent]
    writes = [(index, o.arguments["value"]) for index, o in enumerate(parent) if o.arguments.get("file") == "pids.max"]
    (before, first), (after, last) = writes
    assert (first, last) == (b"2", b"1")
    assert before < order.index("clone") < order.index("end-process") < after
    assert order[after:].count("release") == 1
    unlimited = compiled({"linux.resources": {"pids": {"limit": -1}}}, scope=scope())
    assert [write["value"] for write in named(unlimited, "cgroup-write")] == [b"max"]


def test_a_controller_that_systemd_does_not_manage_is_enabled_on_the_way_to_a_scope() -> None:
    hierarchy = Hierarchy("/sys/fs/cgroup", frozenset(), frozenset(("hugetlb", "memory")))
    limits = {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}], "memory": {"limit": 4096}}
    operations = compiled({"linux.resources": limits}, scope=scope(), hierarchy=hierarchy)
    enabled = named(operations, "cgroup-enable")
    assert [(each["wanted"], each["required"]) for each in enabled] == [("", "+hugetlb")] * 2
    assert [made["name"] for made in named(operations, "cgroup-make")] == ["system.slice"]


ROOT = Overlay(["/l/2", "/l/1"], "/u", "/w", options=b"!volatile\0\0")


def test_a_root_of_layers_is_an_overlay_that_the_parent_makes_before_the_birth() -> None:
    operations = compiled({"root": {"path": "/h/rootfs"}}, trees={"/h/rootfs": ROOT})
    (overlay,) = named(operations, "overlay")
    assert overlay | {"out": 0} == {
        "out": 0, "lower": ["/l/2", "/l/1"], "upper": "/u", "work": "/w", "options": b"!volatile\0\0",
        "users": 0xFFFFFFFF,
    }  # fmt: skip
    assert [attach["tree"] for attach in named(operations, "root-attach")] == [overlay["out"]]
    parent = names(operations, "parent")
    assert parent.index("overlay") < parent.index("clone") and "open-users" not in parent
    assert "/h/rootfs" not in [tree["path"] for tree in named(operations, "open-tree")]


def test_part_of_an_image_is_a_mount() -> None:
    mount = {"destination": "/data", "type": "bind", "source": "/h/images/0", "options": ["rbind", "ro"]}
    image = Overlay(["/l/1", "/l/empty"], path="srv/www")
    operations = compiled({"mounts": [mount]}, trees={"/h/images/0": image})
    (overlay,), (part,) = named(operations, "overlay"), named(operations, "subtree")
    assert (part["tree"], part["path"]) == (overlay["out"], "srv/www")
    assert {"mount": part["out"], "path": "/data"}.items() <= named(operations, "attach")[0].items()
    assert overlay["out"] in [close["fd"] for close in named(operations, "close")]
    assert (overlay["upper"], overlay["work"]) == ("", "")


def test_layers_have_the_ids_of_the_user_namespace() -> None:
    mapping = [{"containerID": 0, "hostID": 100000, "size": 10}]
    change = {
        "root": {"path": "/h/rootfs"},
        "mounts": [{"destination": "/img", "type": "bind", "source": "/h/images/0"}],
        "linux.namespaces": [{"type": "mount"}, {"type": "user"}],
        "linux.uidMappings": mapping,
        "linux.gidMappings": mapping,
        "hostname": "",
    }
    trees = {"/h/rootfs": ROOT, "/h/images/0": Overlay(["/l/1", "/l/empty"])}
    operations = compiled(change, trees=trees)
    (users,) = named(operations, "open-users")
    assert (users["uid_map"], users["gid_map"]) == (b"0 100000 10\n", b"0 100000 10\n")
    assert [overlay["users"] for overlay in named(operations, "overlay")] == [users["out"]] * 2
    joined = {**change, "linux.namespaces": [{"type": "mount"}, {"type": "user", "path": "/ns"}]}
    operations = compiled({**joined, "linux.uidMappings": [], "linux.gidMappings": []}, trees=trees)
    (namespace,) = named(operations, "open-namespace")
    assert [overlay["users"] for overlay in named(operations, "overlay")] == [namespace["out"]] * 2
    assert named(operations, "open-users") == []


def test_the_record_names_what_belongs_to_the_container() -> None:
    operations = compiled(holding="/store/containers/x")
    states = [w["template"] for w in named(operations, "state-write") if w["name"] == "state.json"]
    assert len(states) == 2 and all(b'"holding":"/store/containers/x"' in state for state in states)
    assert not any(b"holding" in w["template"] for w in named(compiled(), "state-write"))

"""From a CRI request to a runtime configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from firkin.cri.api.container_pb2 import ContainerConfig
from firkin.cri.api.pod_pb2 import PodSandboxConfig
from firkin.cri.spec.container import configuration_of
from firkin.cri.spec.inputs import HostDevice, HostFacts, ImageMount, Inputs, PodFiles
from firkin.cri.spec.process import DEFAULT_CAPABILITIES
from firkin.errors import ConfigError
from firkin.oci.image.config import ProcessConfig
from firkin.oci.runtime_spec import Config, Seccomp
from firkin.oci.validate import validate

POD_NAMESPACES = {"network": "/pins/net", "ipc": "/pins/ipc", "uts": "/pins/uts"}
ALL_CAPABILITIES = (*sorted({*DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_SYS_TIME"}),)
PASSWD = "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:34:\nlog:x:50:web\n"
HOST = HostFacts(
    ALL_CAPABILITIES,
    devices=(HostDevice("/dev/fuse", "c", 10, 229, 0o666),),
    machine="x86_64",
)


def configuration(container: dict[str, Any], pod: dict[str, Any] | None = None, **more: Any) -> Config:
    """The configuration for requests in the JSON form of protobuf, as crictl reads them."""
    defaults = {"image": ProcessConfig(cmd=("sleep", "1")), "namespaces": POD_NAMESPACES, "host": HOST}
    inputs = Inputs(
        id="c1",
        container=ParseDict(
            {"linux": {"security_context": {"namespace_options": {"pid": 1}}}, **container}, ContainerConfig()
        ),
        pod=ParseDict(pod or {}, PodSandboxConfig()),
        rootfs="/layers/root",
        passwd=PASSWD,
        group=GROUP,
        **{**defaults, **more},
    )
    found = configuration_of(inputs)
    validate(found)
    return found


def secured(pid: int = 1, resources: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
    context.setdefault("namespace_options", {"pid": pid})
    return {"linux": {"security_context": context, "resources": resources or {}}}


def process(container: dict[str, Any], **more: Any) -> Any:
    return configuration(container, **more).process


def linux(container: dict[str, Any], **more: Any) -> Any:
    return configuration(container, **more).linux


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ((), (), ("entry", "a")),
        ((), ("b",), ("entry", "b")),
        (("run",), (), ("run",)),
        (("run",), ("b",), ("run", "b")),
    ],
)
def test_a_command_replaces_the_entrypoint_and_drops_the_images_arguments(
    command: tuple[str, ...], args: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    image = ProcessConfig(entrypoint=("entry",), cmd=("a",))
    assert process({"command": command, "args": args}, image=image).args == expected


def test_a_container_without_any_command_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"CreateContainerRequest: config\.command: is empty"):
        configuration({}, image=ProcessConfig())


def test_the_environment_is_the_images_and_then_the_requests() -> None:
    image = ProcessConfig(cmd=("a",), env=("PATH=/bin", "A=image", "B=image"))
    container = {"envs": [{"key": "A", "value": "cmVxdWVzdA=="}], "tty": True}
    env = configuration(container, {"hostname": "web"}, image=image).process.env  # type: ignore[union-attr]
    assert env == ("PATH=/bin", "HOME=/root", "TERM=xterm", "HOSTNAME=web", "A=request", "B=image")


def test_a_variable_needs_a_name() -> None:
    with pytest.raises(ConfigError, match=r"config.envs\[0\].key: 'A=B' is not the name"):
        configuration({"envs": [{"key": "A=B"}]})


@pytest.mark.parametrize(
    ("context", "image_user", "expected"),
    [
        ({}, "", (0, 0, (0,))),
        ({}, "web", (33, 34, (34, 50))),
        ({}, "web:log", (33, 50, (50,))),
        ({"run_as_user": {"value": 33}}, "", (33, 34, (34, 50))),
        ({"run_as_user": {"value": 77}}, "web", (77, 0, (0,))),
        ({"run_as_user": {"value": 33}, "run_as_group": {"value": 9}}, "", (33, 9, (9, 50))),
        ({"run_as_username": "web", "supplemental_groups": [7, 50]}, "", (33, 34, (34, 50, 7))),
        (
            {"run_as_username": "web", "supplemental_groups": [7], "supplemental_groups_policy": 1},
            "",
            (33, 34, (34, 7)),
        ),
    ],
)
def test_who_the_process_is(
    context: dict[str, Any], image_user: str, expected: tuple[int, int, tuple[int, ...]]
) -> None:
    user = process(secured(**context), image=ProcessConfig(cmd=("a",), user=image_user)).user
    assert (user.uid, user.gid, user.additional_gids) == expected


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"run_as_group": {"value": 5}}, "run_as_group: needs run_as_user"),
        ({"run_as_username": "nobody-here"}, "run_as_user: .*no 'nobody-here' in /etc/passwd"),
        ({"run_as_user": {"value": 4294967296}}, "run_as_user: 4294967296 is not within"),
        ({"run_as_user": {"value": -1}}, "run_as_user: -1 is not within"),
        ({"supplemental_groups": [4294967295]}, "supplemental_groups: 4294967295 is not within"),
        ({"capabilities": {"add_capabilities": ["NO_SUCH"]}}, "add_capabilities: 'NO_SUCH' is no capability"),
        ({"seccomp": {"profile_type": 2, "localhost_ref": "/no"}}, "localhost_ref: '/no' is not a profile"),
        ({"seccomp_profile_path": "strange"}, "seccomp_profile_path: 'strange' is not a profile"),
        ({"apparmor": {"profile_type": 2, "localhost_ref": "p"}}, "names the profile 'p', and AppArmor is not enabled"),
        ({"apparmor_profile": "localhost/p"}, "names the profile 'p', and AppArmor is not enabled"),
        ({"namespace_options": {}}, "namespace_options.pid: is POD, but the sandbox"),
        ({"namespace_options": {"pid": 1, "ipc": 1}}, "namespace_options.ipc: CONTAINER is for processes only"),
    ],
)
def test_a_security_context_that_can_not_be_met_is_refused(context: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        configuration(secured(**context))


@pytest.mark.parametrize(
    ("asked", "more", "less"),
    [
        ({}, set(), set()),
        ({"add_capabilities": ["sys_time"]}, {"CAP_SYS_TIME"}, set()),
        ({"drop_capabilities": ["CAP_KILL", "CHOWN"]}, set(), {"CAP_KILL", "CAP_CHOWN"}),
        ({"add_capabilities": ["ALL"], "drop_capabilities": ["SYS_TIME"]}, {"CAP_SYS_ADMIN"}, set()),
        ({"add_capabilities": ["KILL"], "drop_capabilities": ["ALL"]}, set(), {*DEFAULT_CAPABILITIES} - {"CAP_KILL"}),
    ],
)
def test_capabilities(asked: dict[str, Any], more: set[str], less: set[str]) -> None:
    sets = process(secured(capabilities=asked)).capabilities
    assert set(sets.bounding) == ({*DEFAULT_CAPABILITIES} | more) - less
    assert (sets.effective, sets.permitted, sets.inheritable, sets.ambient) == (sets.bounding, sets.bounding, (), ())


def test_ambient_capabilities_are_in_every_set() -> None:
    sets = process(secured(capabilities={"add_ambient_capabilities": ["SYS_TIME"]})).capabilities
    assert (sets.ambient, sets.inheritable) == (("CAP_SYS_TIME",), ("CAP_SYS_TIME",))
    assert "CAP_SYS_TIME" in sets.bounding


def test_a_privileged_container_has_all_that_the_host_has() -> None:
    asked = secured(privileged=True, masked_paths=["/proc/kcore"], seccomp={"profile_type": 0})
    found = configuration(asked)
    assert found.process and found.process.capabilities
    assert found.process.capabilities.bounding == ALL_CAPABILITIES
    section = linux(asked)
    assert (section.masked_paths, section.seccomp) == ((), None)
    assert [device.path for device in section.devices] == ["/dev/fuse"]
    assert [rule.allow for rule in section.resources.devices] == [True]
    assert "cgroup" not in [namespace.type for namespace in section.namespaces]
    options = {mount.destination: mount.options for mount in found.mounts}
    assert "rw" in options["/sys"]
    assert "rw" in options["/sys/fs/cgroup"]


@pytest.mark.parametrize(
    ("context", "action"),
    [
        ({}, None),
        ({"seccomp": {"profile_type": 0}}, "SCMP_ACT_ERRNO"),
        ({"seccomp": {"profile_type": 1}, "seccomp_profile_path": "runtime/default"}, None),
        ({"seccomp": {"profile_type": 2, "localhost_ref": "/p.json"}}, "SCMP_ACT_LOG"),
        ({"seccomp_profile_path": "runtime/default"}, "SCMP_ACT_ERRNO"),
        ({"seccomp_profile_path": "localhost//p.json"}, "SCMP_ACT_LOG"),
    ],
)
def test_the_seccomp_profile(context: dict[str, Any], action: str | None) -> None:
    found = linux(secured(**context), seccomp_profiles={"/p.json": Seccomp(default_action="SCMP_ACT_LOG")}).seccomp
    assert (found and found.default_action) == action


def test_namespaces_are_the_pods_the_hosts_or_new() -> None:
    def found(options: dict[str, Any], **more: Any) -> dict[str, str]:
        return {one.type: one.path for one in linux(secured(namespace_options=options), **more).namespaces}

    new = {"mount": "", "cgroup": ""}
    pods = {"network": "/pins/net", "ipc": "/pins/ipc", "uts": "/pins/uts"}
    assert found({"pid": 1}) == new | pods | {"pid": ""}
    assert found({"network": 2, "pid": 2, "ipc": 2}) == new
    assert found({"pid": 3}, target_pid=7) == new | pods | {"pid": "/proc/7/ns/pid"}
    shared = {**POD_NAMESPACES, "pid": "/pins/pid", "user": "/pins/user"}
    assert found({}, namespaces=shared) == new | pods | {"pid": "/pins/pid", "user": "/pins/user"}


def test_mounts_come_in_an_order_that_works() -> None:
    asked = {
        "mounts": [
            {"container_path": "/data/deep/er", "host_path": "/h1"},
            {"container_path": "/data", "host_path": "/h2", "readonly": True},
            {"container_path": "/etc/hosts", "host_path": "/kubelet/hosts"},
            {"container_path": "/dev/shm", "host_path": "/h3", "propagation": 2},
        ]
    }
    files = PodFiles(hostname="/pod/hostname", hosts="/pod/hosts", resolv_conf="/pod/resolv.conf", shm="/pod/shm")
    found = configuration(asked, files=files)
    mounts = [(mount.destination, mount.source) for mount in found.mounts]
    assert mounts[:6] == [
        ("/proc", "proc"), ("/dev", "tmpfs"), ("/dev/pts", "devpts"), ("/dev/mqueue", "mqueue"), ("/sys", "sysfs"),
        ("/sys/fs/cgroup", "cgroup"),
    ]  # fmt: skip
    assert mounts[6:] == [
        ("/etc/hostname", "/pod/hostname"), ("/etc/resolv.conf", "/pod/resolv.conf"),
        ("/data", "/h2"), ("/etc/hosts", "/kubelet/hosts"), ("/dev/shm", "/h3"), ("/data/deep/er", "/h1"),
    ]  # fmt: skip
    options = {mount.destination: mount.options for mount in found.mounts}
    assert options["/data"] == ("rbind", "rprivate", "ro")
    assert options["/dev/shm"] == ("rbind", "rshared", "rw")
    assert found.linux and found.linux.rootfs_propagation == "rshared"


def test_an_image_is_mounted_read_only() -> None:
    asked = {"mounts": [{"container_path": "/model", "image": {"image": "model:1"}, "readonly": True}]}
    (mount,) = [
        one
        for one in configuration(asked, image_mounts={"/model": ImageMount("/layers/m")}).mounts
        if one.destination == "/model"
    ]
    assert (mount.source, mount.options) == ("/layers/m", ("rbind", "rprivate", "ro"))


@pytest.mark.parametrize(
    ("mount", "text"),
    [
        ({"container_path": "data", "host_path": "/h"}, "container_path: 'data' is not an absolute path"),
        ({"container_path": "/data"}, "host_path: is empty"),
        (
            {"container_path": "/d", "host_path": "/h", "recursive_read_only": True},
            "recursive_read_only: needs readonly",
        ),
        (
            {
                "container_path": "/d",
                "host_path": "/h",
                "recursive_read_only": True,
                "readonly": True,
                "propagation": 1,
            },
            "recursive_read_only: needs PROPAGATION_PRIVATE",
        ),
        ({"container_path": "/d", "host_path": "/h", "image": {"image": "m"}}, "host_path: is set, and so is image"),
        ({"container_path": "/d", "image": {"image": "m"}}, "readonly: an image is mounted read-only"),
    ],
)
def test_a_mount_that_makes_no_sense_is_refused(mount: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=rf"config.mounts\[0\]\.{text}"):
        configuration({"mounts": [mount]}, image_mounts={"/d": ImageMount("/m")})


def test_devices_are_made_and_allowed() -> None:
    nodes = (HostDevice("/dev/snd/a", "c", 116, 2, 0o660, gid=29), HostDevice("/dev/snd/b", "c", 116, 3, 0o660))
    asked = {"devices": [{"container_path": "/dev/sound", "host_path": "/dev/snd", "permissions": "rw"}]}
    section = linux(asked, host_devices={"/dev/snd": nodes})
    assert [(one.path, one.major, one.minor, one.gid) for one in section.devices] == [
        ("/dev/sound/a", 116, 2, 29), ("/dev/sound/b", 116, 3, 0)
    ]  # fmt: skip
    rules = [(rule.allow, rule.minor, rule.access) for rule in section.resources.devices]
    assert rules == [(False, None, "rwm"), (True, 2, "rw"), (True, 3, "rw")]
    for wrong in ({"permissions": "x"}, {"permissions": "", "host_path": "/dev/snd"}, {"permissions": "r"}):
        with pytest.raises(ConfigError, match=r"config.devices\[0\]"):
            configuration({"devices": [{"container_path": "/d", **wrong}]}, host_devices={"/dev/snd": nodes})


def test_limits_that_are_not_said_are_not_set() -> None:
    assert linux({}).resources.cpu is None
    asked = {"cpu_shares": 512, "memory_limit_in_bytes": 1 << 20, "unified": {"memory.high": "9"}, "oom_score_adj": 5}
    found = configuration(secured(resources=asked))
    assert found.linux and found.linux.resources and found.linux.resources.cpu and found.linux.resources.memory
    resources = found.linux.resources
    assert (resources.cpu.shares, resources.cpu.quota, resources.memory.limit, resources.memory.swap) == (  # type: ignore[union-attr]
        512, None, 1 << 20, None
    )  # fmt: skip
    assert resources.unified == {"memory.high": "9"}
    assert found.process and found.process.oom_score_adj == 5


def test_the_oom_score_is_not_below_what_the_server_may_set() -> None:
    host = HostFacts(ALL_CAPABILITIES, lowest_oom_score_adj=0)
    assert process(secured(resources={"oom_score_adj": -997}), host=host).oom_score_adj == 0


@pytest.mark.parametrize(
    ("parent", "systemd", "expected"),
    [
        ("", False, "/firkin/c1"),
        ("/kubepods/besteffort/pod1", False, "/kubepods/besteffort/pod1/c1"),
        ("/kubepods.slice/kubepods-pod1.slice", True, "kubepods-pod1.slice:firkin:c1"),
        ("", True, "system.slice:firkin:c1"),
    ],
)
def test_where_the_cgroup_is(parent: str, systemd: bool, expected: str) -> None:
    pod = {"linux": {"cgroup_parent": parent}}
    found = configuration({}, pod, host=HostFacts(ALL_CAPABILITIES, systemd=systemd)).linux
    assert found and found.cgroups_path == expected


@pytest.mark.parametrize(("parent", "systemd"), [("/a/../..", False), ("/kubepods", True)])
def test_a_cgroup_parent_that_does_not_fit_is_refused(parent: str, systemd: bool) -> None:
    with pytest.raises(ConfigError, match="cgroup_parent"):
        configuration({}, {"linux": {"cgroup_parent": parent}}, host=HostFacts((), systemd=systemd))


APPARMOR = replace(HOST, apparmor=True, apparmor_default="usual")
SELINUX = replace(
    HOST, selinux_process="system_u:system_r:container_t:s0", selinux_file="system_u:object_r:container_file_t:s0"
)


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({}, "usual"),
        ({"privileged": True}, ""),
        ({"apparmor": {"profile_type": 0}}, "usual"),
        ({"apparmor": {"profile_type": 1}}, ""),
        ({"apparmor": {"profile_type": 2, "localhost_ref": "mine"}}, "mine"),
        ({"apparmor": {"profile_type": 2, "localhost_ref": "localhost/mine"}, "privileged": True}, "mine"),
        ({"apparmor_profile": "runtime/default"}, "usual"),
        ({"apparmor_profile": "unconfined"}, ""),
        ({"apparmor_profile": "localhost/mine"}, "mine"),
        # The field counts more than what it has replaced.
        ({"apparmor_profile": "localhost/mine", "apparmor": {"profile_type": 1}}, ""),
    ],
)
def test_which_profile_of_apparmor(context: dict[str, Any], expected: str) -> None:
    found = process(secured(**context), host=APPARMOR, apparmor_profiles=frozenset(("mine", "usual")))
    assert found.apparmor_profile == expected


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({"apparmor": {"profile_type": 2, "localhost_ref": "other"}}, "'other', which is not loaded on this host"),
        ({"apparmor": {"profile_type": 2}}, "apparmor.localhost_ref: is empty"),
        ({"apparmor_profile": "strange"}, "apparmor_profile: 'strange' is not a profile"),
    ],
)
def test_a_profile_of_apparmor_that_is_not_there_is_refused(context: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        process(secured(**context), host=APPARMOR, apparmor_profiles=frozenset(("mine",)))


def test_the_default_profile_is_promised_only_if_it_could_be_loaded() -> None:
    host = replace(APPARMOR, apparmor_default="")
    assert process(secured(), host=host).apparmor_profile == ""
    with pytest.raises(ConfigError, match="RuntimeDefault, whose profile could not be loaded"):
        process(secured(apparmor={"profile_type": 0}), host=host)


@pytest.mark.parametrize(
    ("context", "labels"),
    [
        ({}, ("", "")),
        (
            {"selinux_options": {"level": "s0:c1,c2"}},
            ("system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"),
        ),
        (
            {"selinux_options": {"user": "u", "role": "r", "type": "t"}},
            ("u:r:t:s0", "system_u:object_r:container_file_t:s0"),
        ),
        ({"selinux_options": {"type": "t"}, "privileged": True}, ("", "")),
    ],
)
def test_which_labels_of_selinux(context: dict[str, Any], labels: tuple[str, str]) -> None:
    found = configuration(secured(**context), host=SELINUX)
    assert found.process and found.linux
    assert (found.process.selinux_label, found.linux.mount_label) == labels
    # Where files have no labels, options about them say nothing.
    assert process(secured(**context)).selinux_label == ""


def test_a_part_of_a_label_is_one_part() -> None:
    with pytest.raises(ConfigError, match="selinux_options: has a colon"):
        configuration(secured(selinux_options={"type": "a:b"}), host=SELINUX)

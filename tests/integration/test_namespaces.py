"""Namespaces: new ones, joined ones, and those that stay the caller's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = pytest.mark.requires("root", "cgroup2")

# Type of the specification -> name below /proc/PID/ns, option of unshare(1).
_TYPES = {
    "cgroup": ("cgroup", "--cgroup"),
    "ipc": ("ipc", "--ipc"),
    "mount": ("mnt", "--mount"),
    "network": ("net", "--net"),
    "pid": ("pid", "--pid"),
    "time": ("time", "--time"),
    "user": ("user", "--user"),
    "uts": ("uts", "--uts"),
}
_SHOW = "".join(f"readlink /proc/self/ns/{name}; " for name, _ in _TYPES.values())


def _plain(bundle: Bundle, *types: str) -> Bundle:
    # Nothing that needs a namespace beside the mount namespace.
    bundle.namespaces("mount", *(name for name in types if name != "mount"))
    bundle.config.pop("hostname")
    bundle.without_mount("/sys", "/sys/fs/cgroup", "/dev/mqueue")
    return bundle


def _own(name: str) -> str:
    return os.readlink(f"/proc/self/ns/{_TYPES[name][0]}")


def _seen(output: str) -> dict[str, str]:
    return dict(zip(_TYPES, output.split(), strict=False))


@contextmanager
def _holder(*options: str) -> Iterator[int]:
    # A process in namespaces of its own, and its id.
    command = ["unshare", *options, "sh", "-c", "echo; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == b"\n"
        yield process.pid


@pytest.mark.parametrize("name", [name for name in _TYPES if name != "user"])
def test_new_namespace_and_no_other(firkin: Firkin, bundle: Bundle, name: str) -> None:
    seen = _seen(firkin.run(_plain(bundle, name).shell(_SHOW)))
    for other in _TYPES:
        assert (seen[other] != _own(other)) == (other in (name, "mount")), other


@pytest.mark.requires("userns")
def test_new_user_namespace_and_no_other(firkin: Firkin, bundle: Bundle) -> None:
    _plain(bundle).user_namespace()
    # A procfs belongs to a pid namespace, and this one to the host.
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    id = firkin.start(bundle.shell("sleep 1000"))
    pid = firkin.state(id)["pid"]
    for other, (file, _) in _TYPES.items():
        assert (os.readlink(f"/proc/{pid}/ns/{file}") != _own(other)) == (other in ("user", "mount")), other


@pytest.mark.requires("userns", "timens", "cgroupns", "netns")
def test_all_eight_at_once(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces(*(name for name in _TYPES if name != "user")).user_namespace()
    seen = _seen(firkin.run(bundle.shell(_SHOW)))
    assert [name for name in _TYPES if seen[name] == _own(name)] == []


def test_children_of_a_new_time_namespace_stay_in_it(firkin: Firkin, bundle: Bundle) -> None:
    script = "readlink /proc/self/ns/time; readlink /proc/self/ns/time_for_children"
    first, second = firkin.run(_plain(bundle, "time", "pid").shell(script)).split()
    assert first == second != _own("time")


@pytest.mark.parametrize("name", ["cgroup", "ipc", "network", "time", "uts"])
def test_joins_a_namespace_by_path(firkin: Firkin, bundle: Bundle, name: str) -> None:
    file, option = _TYPES[name]
    fork = ("--fork",) if name == "time" else ()
    with _holder(option, *fork) as pid:
        path = f"/proc/{pid}/ns/{'time_for_children' if name == 'time' else file}"
        _plain(bundle).linux["namespaces"].append({"type": name, "path": path})
        seen = _seen(firkin.run(bundle.shell(_SHOW)))
        assert seen[name] == os.readlink(path) != _own(name)
        for other in _TYPES:
            assert (seen[other] != _own(other)) == (other in (name, "mount")), other


def test_joins_the_pid_namespace_of_another_container(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["sleep", "1234"]
    other = firkin.start(bundle)
    path = f"/proc/{firkin.state(other)['pid']}/ns/pid"
    bundle.namespaces("mount", "uts", pid=path)
    bundle.without_mount("/sys", "/sys/fs/cgroup", "/dev/mqueue")
    shown = firkin.run(bundle.shell("echo $$; tr '\\0' ' ' < /proc/1/cmdline"))
    own, first = shown.split("\n", 1)
    assert int(own) > 1
    assert first == "sleep 1234 "


def test_pid_namespace_survives_a_container_that_joined_it(firkin: Firkin, bundle: Bundle) -> None:
    other = firkin.start(bundle.shell("exec sleep 1234"))
    bundle.namespaces("mount", "uts", pid=f"/proc/{firkin.state(other)['pid']}/ns/pid")
    bundle.without_mount("/sys", "/sys/fs/cgroup", "/dev/mqueue")
    firkin.run(bundle.shell("exit 0"))
    assert firkin.state(other)["status"] == "running"


def test_joins_all_namespaces_of_a_pod(firkin: Firkin, bundle: Bundle) -> None:
    pod = firkin.start(bundle.shell("exec sleep 1234"))
    paths = {
        name: f"/proc/{firkin.state(pod)['pid']}/ns/{_TYPES[name][0]}" for name in ("network", "ipc", "uts", "pid")
    }
    bundle.namespaces("mount", "cgroup", **paths).config.pop("hostname")
    seen = _seen(firkin.run(bundle.shell(_SHOW)))
    assert {name: seen[name] for name in paths} == {name: os.readlink(path) for name, path in paths.items()}
    assert firkin.run(bundle.shell("hostname")) == "firkin\n"


@pytest.mark.requires("userns")
def test_joins_a_user_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "ipc").user_namespace()
    bundle.without_mount("/sys", "/sys/fs/cgroup")
    pod = firkin.start(bundle.shell("exec sleep 1234"))
    path = f"/proc/{firkin.state(pod)['pid']}/ns/user"
    bundle.namespaces("mount", "pid", "uts", "ipc", user=path)
    del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
    user, uid, maps = firkin.run(
        bundle.shell("readlink /proc/self/ns/user; id -u; cat /proc/self/uid_map")
    ).splitlines()
    assert (user, uid) == (os.readlink(path), "0")
    assert maps.split() == ["0", "100000", "65536"]


def test_joins_the_mount_namespace_of_another_container(firkin: Firkin, bundle: Bundle) -> None:
    other = firkin.start(bundle.shell("exec sleep 1234"))
    path = f"/proc/{firkin.state(other)['pid']}/ns/mnt"
    bundle.namespaces("pid", "uts", mount=path)
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.shell("exec sleep 1000")
    id = firkin.start(bundle)
    assert os.readlink(f"/proc/{firkin.state(id)['pid']}/ns/mnt") == os.readlink(path)


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("mounts", {"mounts": [{"destination": "/tmp", "type": "tmpfs"}]}),
        ("root.readonly", {"root": {"path": "rootfs", "readonly": True}}),
    ],
)
def test_mounts_in_a_joined_mount_namespace_are_refused(
    firkin: Firkin, bundle: Bundle, place: str, change: dict[str, object]
) -> None:
    bundle.config["mounts"] = []
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.config |= change
    with _holder("--mount") as pid:
        bundle.namespaces("pid", "uts", mount=f"/proc/{pid}/ns/mnt")
        message = "needs mounts, which would stay behind in the joined mount namespace"
        assert firkin.fails(bundle) == f"config.json: {place}: {message}"


def test_namespace_of_another_type_is_refused(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", network="/proc/self/ns/uts").config.pop("hostname")
    message = "linux.namespaces[1].path: /proc/self/ns/uts: is not a namespace of the type that is asked for"
    assert firkin.fails(bundle) == message


@pytest.mark.parametrize("path", ["/etc/passwd", "/dev/null", "/"])
def test_file_that_is_no_namespace_is_refused(firkin: Firkin, bundle: Bundle, path: str) -> None:
    bundle.namespaces("mount", network=path).config.pop("hostname")
    message = f"linux.namespaces[1].path: {path}: is not a namespace of the type that is asked for"
    assert firkin.fails(bundle) == message


def test_namespace_path_that_is_absent_is_named(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "uts", network="/run/netns/absent")
    assert firkin.fails(bundle) == "linux.namespaces[2].path: /run/netns/absent: no such file or directory"


def test_container_without_a_mount_namespace_is_refused(firkin: Firkin, bundle: Bundle) -> None:
    line = firkin.fails(bundle.namespaces("pid", "uts"))
    assert line.startswith("config.json: linux.namespaces: has no mount namespace")


@pytest.mark.requires("userns")
def test_ids_are_mapped(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace(first=200000, size=1000)
    bundle.process["user"] = {"uid": 10, "gid": 20, "additionalGids": [30]}
    (bundle.rootfs / "tmp").chmod(0o1777)
    shown = firkin.run(bundle.shell("id -u; id -G; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/made"))
    uid, groups, uid_map, gid_map = shown.splitlines()
    assert (uid, groups) == ("10", "20 30")
    assert uid_map.split() == gid_map.split() == ["0", "200000", "1000"]
    made = (bundle.rootfs / "tmp/made").stat()
    assert (made.st_uid, made.st_gid) == (200010, 200020)


@pytest.mark.requires("userns", "strace")
def test_container_may_be_faster_than_the_process_that_tells_of_it(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    # Whoever makes a process learns of it a fifth of a second after it has begun.
    slow = ["strace", "-f", "-o", "/dev/null", "-e", "trace=clone3", "-e", "inject=clone3:delay_exit=200000"]
    argv = firkin.command("run", "-b", bundle.user_namespace().shell("id -u").save(), id)
    assert subprocess.run([*slow, *argv], capture_output=True, text=True, check=True).stdout == "0\n"


@pytest.mark.requires("userns")
def test_several_mappings(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace(first=200000, size=10)
    for kind in ("uidMappings", "gidMappings"):
        bundle.linux[kind].append({"containerID": 1000, "hostID": 300000, "size": 5})
    rows = firkin.run(bundle.shell("cat /proc/self/uid_map")).splitlines()
    assert [row.split() for row in rows] == [["0", "200000", "10"], ["1000", "300000", "5"]]


@pytest.mark.requires("userns")
def test_id_without_a_mapping_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace(size=10)
    bundle.process["user"] = {"uid": 10, "gid": 0}
    assert firkin.fails(bundle) == "process.user.uid: setuid: Invalid argument"


@pytest.mark.requires("userns")
def test_root_of_a_user_namespace_is_nobody_on_the_host(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "secret").write_text("secret")
    bundle.user_namespace()
    os.chown(bundle.rootfs / "secret", 0, 0)
    (bundle.rootfs / "secret").chmod(0o600)
    done = firkin("run", "-b", bundle.shell("cat /secret").save(), firkin.new_id(), check=False)
    assert (done.returncode, done.stderr) == (1, "cat: can't open '/secret': Permission denied\n")


def test_cgroup_namespace_has_its_root_at_the_containers_cgroup(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin.run(_plain(bundle, "cgroup").shell("grep ^0: /proc/self/cgroup")) == "0::/\n"


def test_without_a_cgroup_namespace_the_path_is_seen(firkin: Firkin, bundle: Bundle) -> None:
    shown = firkin.run(_plain(bundle).shell("grep ^0: /proc/self/cgroup"))
    assert shown == f"0::/firkin-{firkin.ids[-1]}\n"


@pytest.mark.requires("netns")
def test_new_network_namespace_has_loopback_up(firkin: Firkin, bundle: Bundle) -> None:
    shown = firkin.run(bundle.shell("cat /sys/class/net/lo/operstate; ls /sys/class/net; ifconfig lo | grep -c UP"))
    assert shown == "unknown\nlo\n1\n"


def test_without_a_network_namespace_the_hosts_is_used(firkin: Firkin, bundle: Bundle) -> None:
    assert _seen(firkin.run(_plain(bundle).shell(_SHOW)))["network"] == _own("network")


@pytest.mark.requires("userns")
def test_cgroup_is_bound_where_a_user_namespace_has_no_cgroup_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "ipc", "network").user_namespace()
    bundle.shell("cat /sys/fs/cgroup/cgroup.procs; grep ' /sys/fs/cgroup ' /proc/self/mountinfo")
    *pids, mount = firkin.run(bundle).splitlines()
    assert pids[0] == "1"
    assert " ro," in mount


@pytest.mark.requires("userns")
@pytest.mark.parametrize("writable", [True, False])
def test_cgroup_belongs_to_who_may_write_it(firkin: Firkin, bundle: Bundle, writable: bool) -> None:
    bundle.user_namespace()
    mount = next(mount for mount in bundle.config["mounts"] if mount["destination"] == "/sys/fs/cgroup")
    mount["options"] = ["nosuid", "noexec", "nodev", "rw" if writable else "ro"]
    names = ". cgroup.procs cgroup.subtree_control cgroup.type"
    shown = firkin.run(
        bundle.shell(f"cd /sys/fs/cgroup; stat -c %u {names}; mkdir below 2>/dev/null && echo made; true")
    )
    assert shown.split() == (["0", "0", "0", "65534", "made"] if writable else ["65534"] * 4)

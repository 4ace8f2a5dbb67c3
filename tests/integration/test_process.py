"""The process: who it is, where it stands, what it may do, as the kernel shows it from inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]

_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
_LINES = {
    "bounding": "CapBnd",
    "effective": "CapEff",
    "permitted": "CapPrm",
    "inheritable": "CapInh",
    "ambient": "CapAmb",
}
_NUMBERS = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_CHECKPOINT_RESTORE": 40}


def _status(firkin: Firkin, bundle: Bundle) -> dict[str, str]:
    lines = firkin.run(bundle.shell("cat /proc/self/status")).splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _capabilities(firkin: Firkin, bundle: Bundle) -> dict[str, int]:
    status = _status(firkin, bundle)
    return {name: int(status[line], 16) for name, line in _LINES.items()}


def _mask(*names: str) -> int:
    return sum(1 << _NUMBERS[name] for name in names)


def test_user_and_groups(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 4294967294]}
    status = _status(firkin, bundle)
    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["1001"] * 4
    assert status["Groups"].split() == ["5", "4294967294"]


def test_groups_of_the_caller_do_not_come_along(firkin: Firkin, bundle: Bundle) -> None:
    done = firkin(
        "run", "-b", bundle.shell("grep ^Groups: /proc/self/status").save(), firkin.new_id(), extra_groups=[7, 8]
    )
    assert done.stdout.split() == ["Groups:"]


@pytest.mark.parametrize(("umask", "shown"), [(None, "0022"), (0, "0000"), (0o77, "0077"), (0o777, "0777")])
def test_umask(firkin: Firkin, bundle: Bundle, umask: int | None, shown: str) -> None:
    if umask is not None:
        bundle.process["user"]["umask"] = umask
    assert firkin.run(bundle.shell("umask")) == f"{shown}\n"


def test_umask_of_the_caller_has_no_effect_on_what_the_runtime_makes(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/made/deep", "tmpfs", "tmpfs")
    script = "stat -c %a /dev/null /made /made/deep"
    done = firkin("run", "-b", bundle.shell(script).save(), firkin.new_id(), umask=0o777)
    assert done.stdout.split() == ["666", "755", "1777"]


def test_working_directory(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["cwd"] = "/usr/../tmp"
    (bundle.rootfs / "usr").mkdir()
    assert firkin.run(bundle.shell("pwd")) == "/tmp\n"


def test_working_directory_is_made(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["cwd"] = "/made/for/it"
    assert firkin.run(bundle.shell("pwd; stat -c %a .")) == "/made/for/it\n755\n"


def test_working_directory_may_lie_on_a_mount(firkin: Firkin, bundle: Bundle) -> None:
    bundle.mount("/mnt", "tmpfs", "tmpfs")
    bundle.process["cwd"] = "/mnt/below"
    assert firkin.run(bundle.shell("pwd; stat -f -c %T .")).splitlines() == ["/mnt/below", "tmpfs"]


def test_working_directory_that_only_root_may_enter(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "root").chmod(0o700)
    bundle.process["cwd"] = "/root"
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    place, refusal = firkin.run(bundle.shell("readlink /proc/self/cwd; ls . 2>&1; true")).splitlines()
    assert place == "/root"
    assert refusal.endswith("Permission denied")


def test_working_directory_may_be_a_symbolic_link(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "link").symlink_to("/tmp")
    bundle.process["cwd"] = "/link"
    assert firkin.run(bundle.shell("readlink /proc/self/cwd")) == "/tmp\n"


def test_working_directory_that_is_a_file_is_an_error(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["cwd"] = "/etc/passwd"
    assert firkin.fails(bundle) == "process.cwd: /etc/passwd: not a directory"


def test_environment_is_that_of_the_document_alone(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/env"]
    bundle.process["env"] = ["ONE=1", "EMPTY=", "SPACED= two words ", "EQUALS=a=b", "LINES=a\nb", "HOME=/x"]
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), env={**os.environ, "HOST": "1"})
    assert done.stdout == "ONE=1\nEMPTY=\nSPACED= two words \nEQUALS=a=b\nLINES=a\nb\nHOME=/x\n"


def test_environment_may_be_empty(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/env"]
    bundle.process["env"] = []
    assert firkin.run(bundle) == "HOME=/root\n"


@pytest.mark.parametrize(
    ("passwd", "home"),
    [
        ("root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n", "/home/user"),
        ("a:x:10001:0::/a:\nb:x:1000:0::/b:\nc:x:1000:0::/c:\n", "/b"),
        ("user:x:1000:1000::/home/user", "/home/user"),
        ("user:x:1000:1000::relative:/bin/sh\n", "/"),
        ("user:x:1000\n\n::::\nuser:x:1000a:0::/other:\n", "/"),
        (f"{'long' * 1000}:x:1000:0::/long:\nuser:x:1000:0::/short:\n", "/short"),
        (f"user:x:1000:0::/{'x' * 400}:\n", "/"),
        ("", "/"),
    ],
)
def test_home_is_that_of_the_user_by_the_image(firkin: Firkin, bundle: Bundle, passwd: str, home: str) -> None:
    bundle.process["args"] = ["/bin/env"]
    bundle.process["env"] = ["HOME=", "ONE=1"]
    bundle.process["user"] = {"uid": 1000, "gid": 0}
    (bundle.rootfs / "etc/passwd").write_text(passwd)
    assert firkin.run(bundle) == f"ONE=1\nHOME={home}\n"


@pytest.mark.parametrize("kind", ["missing", "fifo", "directory", "link"])
def test_home_where_there_is_no_usual_file(firkin: Firkin, bundle: Bundle, kind: str) -> None:
    path = bundle.rootfs / "etc/passwd"
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    bundle.process["args"] = ["/bin/env"]
    bundle.process["env"] = []
    assert firkin.run(bundle) == "HOME=/\n"


def test_home_of_an_exec_is_that_of_its_user(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["env"] = ["PATH=/bin"]
    id = firkin.start(bundle.shell("exec sleep 1000"))
    assert firkin("exec", "--user", "1000", id, "sh", "-c", "echo $HOME").stdout == "/tmp\n"


def test_last_of_several_variables_with_one_name_counts(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["/bin/env"]
    bundle.process["env"] = ["ONE=1", "HOME=/x", "ONE=", "HOME="]
    assert firkin.run(bundle) == "ONE=\nHOME=/root\n"


def test_large_environment_and_arguments(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["env"] = [f"NAME{number}={'x' * 1000}" for number in range(1000)]
    bundle.process["args"] = ["/bin/sh", "-c", "echo $# ${#NAME999}", "sh", *["y" * 1000] * 500]
    assert firkin.run(bundle) == "500 1000\n"


def test_capabilities_as_the_document_has_them(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE"],
        "permitted": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
        "effective": ["CAP_KILL"],
        "inheritable": ["CAP_NET_RAW", "CAP_CHOWN"],
        "ambient": ["CAP_NET_RAW"],
    }
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    # Across the execution of a program without capabilities of its own, only ambient ones stay.
    assert _capabilities(firkin, bundle) == {
        "bounding": _mask("CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE"),
        "permitted": _mask("CAP_NET_RAW"),
        "effective": _mask("CAP_NET_RAW"),
        "inheritable": _mask("CAP_NET_RAW", "CAP_CHOWN"),
        "ambient": _mask("CAP_NET_RAW"),
    }


def test_capabilities_of_root(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["capabilities"] = {
        name: ["CAP_KILL", "CAP_SYS_ADMIN"] for name in ("bounding", "permitted", "effective")
    }
    both = _mask("CAP_KILL", "CAP_SYS_ADMIN")
    assert _capabilities(firkin, bundle) == {
        "bounding": both,
        "permitted": both,
        "effective": both,
        "inheritable": 0,
        "ambient": 0,
    }


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("given", [None, {}, {name: [] for name in _SETS}])
def test_without_capabilities_there_are_none(
    firkin: Firkin, bundle: Bundle, given: dict[str, list[str]] | None, uid: int
) -> None:
    bundle.process["capabilities"] = given
    bundle.process["user"]["uid"] = uid
    assert _capabilities(firkin, bundle) == dict.fromkeys(_SETS, 0)


def test_capability_that_nobody_knows_is_a_warning(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["capabilities"] = {
        name: ["CAP_KILL", "CAP_TO_FLY"] for name in ("bounding", "permitted", "effective")
    }
    done = firkin("run", "-b", bundle.shell("grep ^CapEff: /proc/self/status").save(), firkin.new_id())
    assert done.stdout.split() == ["CapEff:", f"{_mask('CAP_KILL'):016x}"]
    assert done.stderr == "firkin: warning: process.capabilities: CAP_TO_FLY can't be granted\n"


@pytest.mark.parametrize("wanted", [True, False])
def test_no_new_privileges(firkin: Firkin, bundle: Bundle, wanted: bool) -> None:
    bundle.process["noNewPrivileges"] = wanted
    assert _status(firkin, bundle)["NoNewPrivs"] == str(int(wanted))


def test_limits(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 18446744073709551615},
        {"type": "RLIMIT_STACK", "soft": 1 << 20, "hard": 2 << 20},
        {"type": "RLIMIT_RTTIME", "soft": 1000, "hard": 2000},
        {"type": "RLIMIT_AS", "soft": 1 << 30, "hard": 1 << 30},
        {"type": "RLIMIT_SIGPENDING", "soft": 7, "hard": 8},
    ]
    lines = firkin.run(bundle.shell("cat /proc/self/limits")).splitlines()
    shown = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert shown["Max open files"] == ["100", "200"]
    assert shown["Max core file size"] == ["0", "unlimited"]
    assert shown["Max stack size"] == [str(1 << 20), str(2 << 20)]
    assert shown["Max realtime timeout"] == ["1000", "2000"]
    assert shown["Max address space"] == [str(1 << 30)] * 2
    assert shown["Max pending signals"] == ["7", "8"]


def test_limit_of_descriptors_may_be_less_than_the_runtime_needs(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 4, "hard": 4}]
    assert firkin.run(bundle.shell("ulimit -n")) == "4\n"


def test_limit_of_processes_holds_for_the_container_only(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["rlimits"] = [{"type": "RLIMIT_NPROC", "soft": 1, "hard": 1}]
    bundle.process["user"] = {"uid": 54321, "gid": 0}
    done = firkin("run", "-b", bundle.shell("true | true").save(), firkin.new_id(), check=False)
    assert "can't fork" in done.stderr


@pytest.mark.parametrize("score", [0, 500, 1000])
def test_score_of_the_out_of_memory_killer(firkin: Firkin, bundle: Bundle, score: int) -> None:
    bundle.process["oomScoreAdj"] = score
    assert firkin.run(bundle.shell("cat /proc/self/oom_score_adj")) == f"{score}\n"


def test_lower_score_needs_a_right(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["oomScoreAdj"] = -1000
    done = firkin("run", "-b", bundle.shell("cat /proc/self/oom_score_adj").save(), firkin.new_id(), check=False)
    if _has_sys_resource():
        assert (done.stdout, done.stderr) == ("-1000\n", "")
    else:
        why = "Permission denied (lowering oom_score_adj needs CAP_SYS_RESOURCE)"
        assert done.stderr == f"firkin: error: process.oomScoreAdj: write '-1000' to oom_score_adj: {why}\n"


def test_higher_limit_needs_a_right(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["rlimits"] = [{"type": "RLIMIT_NICE", "soft": 1, "hard": 20}]
    done = firkin("run", "-b", bundle.shell("grep nice /proc/self/limits").save(), firkin.new_id(), check=False)
    if _has_sys_resource():
        assert (done.stdout.split(), done.stderr) == (["Max", "nice", "priority", "1", "20"], "")
    else:
        why = "Operation not permitted (raising a hard limit needs CAP_SYS_RESOURCE)"
        assert done.stderr == f"firkin: error: process.rlimits[0]: limit child: {why}\n"


def _has_sys_resource() -> bool:
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> 24 & 1)


def test_score_is_inherited_unless_given(firkin: Firkin, bundle: Bundle) -> None:
    expected = Path("/proc/self/oom_score_adj").read_text()
    assert firkin.run(bundle.shell("cat /proc/self/oom_score_adj")) == expected


def test_sysctls_of_the_containers_namespaces(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["sysctl"] = {
        "kernel.shmmax": "65536",
        "kernel.sem": "32000 1024000000 500 32000",
        "fs.mqueue.msg_max": "20",
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.lo.forwarding": "0",
        "net/ipv4/ping_group_range": "0 7",
        "kernel.domainname": "example.org",
    }
    names = ["kernel/shmmax", "kernel/sem", "fs/mqueue/msg_max", "net/ipv4/ip_forward", "net/ipv4/conf/lo/forwarding"]
    names += ["net/ipv4/ping_group_range", "kernel/domainname"]
    before = [Path("/proc/sys", name).read_text() for name in names]
    shown = firkin.run(bundle.shell("; ".join(f"cat /proc/sys/{name}" for name in names))).splitlines()
    assert [line.split() for line in shown] == [
        ["65536"],
        ["32000", "1024000000", "500", "32000"],
        ["20"],
        ["1"],
        ["0"],
        ["0", "7"],
        ["example.org"],
    ]
    assert [Path("/proc/sys", name).read_text() for name in names] == before


def test_sysctls_do_not_need_a_proc_in_the_container(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["sysctl"] = {"kernel.domainname": "example.org"}
    bundle.without_mount("/proc")
    bundle.process["capabilities"] = {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "permitted", "effective")}
    script = "mount -t proc proc /proc; cat /proc/sys/kernel/domainname"
    assert firkin.run(bundle.shell(script)) == "example.org\n"


@pytest.mark.requires("userns")
def test_sysctls_in_a_user_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.user_namespace().linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "65536"}
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax"
    assert firkin.run(bundle.shell(script)).split() == ["1", "65536"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("process.apparmorProfile", "some"),
        ("process.selinuxLabel", "some"),
        ("process.scheduler", {"policy": "SCHED_BATCH"}),
        ("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 1}),
        ("linux.timeOffsets", {"boottime": {"secs": 1}}),
        ("linux.personality", {"domain": "LINUX32"}),
        ("linux.memoryPolicy", {"mode": "MPOL_LOCAL"}),
        ("linux.netDevices", {"eth0": {}}),
        ("linux.intelRdt", {"closID": "some"}),
        ("linux.mountLabel", "some"),
    ],
)
def test_field_is_honoured_or_refused_and_never_dropped(
    firkin: Firkin, bundle: Bundle, place: str, value: object
) -> None:
    part, _, name = place.partition(".")
    bundle.namespaces("mount", "pid", "uts", "ipc", "network", "time").config[part][name] = value
    done = firkin("run", "-b", bundle.save(), firkin.new_id(), check=False)
    assert done.returncode == 0 or (done.returncode == 1 and place in done.stderr)

"""`firkin exec`: one more program in a container."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS

pytestmark = pytest.mark.requires("root", "cgroup2")

_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time")


@pytest.fixture
def sleeping(firkin: Firkin, bundle: Bundle) -> str:
    """A container that runs and does nothing."""
    return firkin.start(bundle.shell("sleep 1000"))


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_passes_on_the_exit_code(firkin: Firkin, sleeping: str, code: int) -> None:
    done = firkin("exec", sleeping, "sh", "-c", f"exit {code}", check=False)
    assert (done.returncode, done.stderr) == (code, "")


def test_streams_are_those_of_the_caller(firkin: Firkin, sleeping: str) -> None:
    done = firkin("exec", sleeping, "sh", "-c", "tr a-z A-Z; echo complaint >&2", input="words\n")
    assert (done.stdout, done.stderr) == ("WORDS\n", "complaint\n")


def test_what_follows_the_container_belongs_to_the_program(firkin: Firkin, sleeping: str) -> None:
    assert firkin("exec", sleeping, "echo", "--detach", "-t", "--").stdout == "--detach -t --\n"
    assert firkin("exec", sleeping, "--", "echo", "--help").stdout == "--help\n"


def test_joins_all_namespaces_of_the_container(firkin: Firkin, sleeping: str) -> None:
    first = [os.readlink(f"/proc/{firkin.state(sleeping)['pid']}/ns/{name}") for name in _NAMESPACES]
    script = "".join(f"readlink /proc/self/ns/{name}; " for name in _NAMESPACES)
    assert firkin("exec", sleeping, "sh", "-c", script).stdout.split() == first


def test_joins_new_user_and_time_namespaces(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount", "pid", "uts", "time").user_namespace()
    bundle.without_mount("/sys", "/sys/fs/cgroup", "/dev/mqueue")
    id = firkin.start(bundle.shell("sleep 1000"))
    pid = firkin.state(id)["pid"]
    script = "readlink /proc/self/ns/user; readlink /proc/self/ns/time; id -u; id -g"
    shown = firkin("exec", id, "sh", "-c", script).stdout.split()
    assert shown == [os.readlink(f"/proc/{pid}/ns/user"), os.readlink(f"/proc/{pid}/ns/time"), "0", "0"]


def test_program_is_born_into_the_cgroup(firkin: Firkin, sleeping: str) -> None:
    assert firkin("exec", sleeping, "grep", "^0:", "/proc/self/cgroup").stdout == "0::/\n"
    process = subprocess.Popen(firkin.command("exec", sleeping, "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdin.write(b"up\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"up\n"
    assert len(json.loads(firkin("ps", "--format", "json", sleeping).stdout)) == 2
    process.communicate()
    assert process.returncode == 0


def test_follows_a_first_process_that_moved_to_a_cgroup_below(firkin: Firkin, bundle: Bundle) -> None:
    next(mount for mount in bundle.config["mounts"] if mount["type"] == "cgroup")["options"].remove("ro")
    id = firkin.start(bundle.shell("mkdir /sys/fs/cgroup/init; echo 0 > /sys/fs/cgroup/init/cgroup.procs; sleep 1000"))
    below = Path(find_hierarchy().mount) / f"firkin-{id}/init/cgroup.procs"
    firkin("exec", id, "sh", "-c", "until grep -q 1 /sys/fs/cgroup/init/cgroup.procs; do :; done")
    process = subprocess.Popen(firkin.command("exec", id, "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdin.write(b"up\n")
    process.stdin.flush()
    process.stdout.readline()
    pids = json.loads(firkin("ps", "--format", "json", id).stdout)
    assert len(pids) == 2
    assert sorted(map(int, below.read_text().split())) == pids
    process.communicate()


def test_defaults_are_those_of_the_containers_process(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 100, "additionalGids": [7, 8], "umask": 0o027}
    bundle.process["cwd"] = "/tmp"
    bundle.process["env"].append("KEY=value")
    id = firkin.start(bundle.shell("sleep 1000"))
    shown = firkin("exec", id, "sh", "-c", "id -u; id -g; id -G; umask; pwd; echo $KEY").stdout
    assert shown == "1000\n100\n100 7 8\n0027\n/tmp\nvalue\n"


def test_user_may_have_a_group_or_keep_the_containers(firkin: Firkin, sleeping: str) -> None:
    assert firkin("exec", "--user", "1:2", sleeping, "sh", "-c", "id -u; id -g; id -G").stdout == "1\n2\n2\n"
    assert firkin("exec", "-u", "3", sleeping, "sh", "-c", "id -u; id -g").stdout == "3\n0\n"


def test_additional_groups(firkin: Firkin, sleeping: str) -> None:
    shown = firkin("exec", "-g", "5", "--additional-gids", "6", sleeping, "id", "-G").stdout
    assert shown == "0 5 6\n"


def test_working_directory(firkin: Firkin, sleeping: str) -> None:
    assert firkin("exec", "--cwd", "/proc/self", sleeping, "sh", "-c", "pwd").stdout.startswith("/proc/")
    assert firkin("exec", "--cwd", "/tmp", sleeping, "sh", "-c", "pwd").stdout == "/tmp\n"


def test_working_directory_that_is_missing_is_an_error(firkin: Firkin, sleeping: str) -> None:
    done = firkin("exec", "--cwd", "/absent", sleeping, "pwd", check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "firkin: error: process.cwd: /absent: no such file or directory\n",
    )


def test_environment_is_extended_and_overridden(firkin: Firkin, sleeping: str) -> None:
    shown = firkin("exec", "-e", "TERM=dumb", "--env", "NEW=1=2", "-e", "NEW=last", sleeping, "env").stdout.splitlines()
    assert "TERM=dumb" in shown
    assert "TERM=xterm" not in shown
    assert "NEW=last" in shown


def test_path_of_the_environment_finds_the_program(firkin: Firkin, bundle: Bundle) -> None:
    (bundle.rootfs / "odd").mkdir()
    (bundle.rootfs / "odd/echo").symlink_to("/bin/busybox")
    id = firkin.start(bundle.shell("sleep 1000"))
    assert firkin("exec", "-e", "PATH=/odd", id, "echo", "found").stdout == "found\n"


def test_capabilities_can_be_added(firkin: Firkin, sleeping: str) -> None:
    script = "grep ^Cap /proc/self/status"
    before = dict(line.split() for line in firkin("exec", sleeping, "sh", "-c", script).stdout.splitlines())
    after = firkin("exec", "--cap", "CAP_SYS_TIME", "-c", "sys_nice", sleeping, "sh", "-c", script).stdout
    added = 1 << 25 | 1 << 23
    for line in after.splitlines():
        name, mask = line.split()
        expected = int(before[name], 16) | (added if name in ("CapPrm:", "CapEff:", "CapBnd:") else 0)
        assert int(mask, 16) == expected, name


def test_no_new_privileges_can_be_asked_for(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["noNewPrivileges"] = False
    id = firkin.start(bundle.shell("sleep 1000"))
    words = ("grep", "NoNewPrivs", "/proc/self/status")
    assert firkin("exec", id, *words).stdout.split() == ["NoNewPrivs:", "0"]
    assert firkin("exec", "--no-new-privs", id, *words).stdout.split() == ["NoNewPrivs:", "1"]


def test_detach_returns_while_the_program_runs(firkin: Firkin, sleeping: str, tmp_path: Path) -> None:
    argv = firkin.command("exec", "--detach", "--pid-file", tmp_path / "pid", sleeping, "sleep", "2000")
    null = subprocess.DEVNULL
    subprocess.run(argv, check=True, stdin=null, stdout=null, stderr=null)
    pid = int((tmp_path / "pid").read_text())
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x002000\x00"
    assert pid in json.loads(firkin("ps", "--format", "json", sleeping).stdout)


def test_process_document(firkin: Firkin, sleeping: str, tmp_path: Path) -> None:
    process = {
        "args": ["sh", "-c", "id -u; pwd; echo $KEY; grep ^CapEff: /proc/self/status"],
        "cwd": "/bin",
        "env": ["KEY=document", "PATH=/bin"],
        "user": {"uid": 7, "gid": 8},
        "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]},
    }
    (tmp_path / "process.json").write_text(json.dumps(process))
    shown = firkin("exec", "--process", tmp_path / "process.json", sleeping).stdout
    assert shown == "7\n/bin\ndocument\nCapEff:\t0000000000000000\n"


def test_process_document_that_is_wrong_is_named(firkin: Firkin, sleeping: str, tmp_path: Path) -> None:
    (tmp_path / "process.json").write_text('{"args": ["true"], "cwd": "relative"}')
    done = firkin("exec", "-p", tmp_path / "process.json", sleeping, check=False)
    message = 'process.json: cwd: must be an absolute path, got "relative"'
    assert (done.returncode, done.stderr) == (1, f"firkin: error: {message}\n")


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("absent", 127, 'exec: "absent": executable file not found in $PATH'),
        ("/bin/absent", 127, 'exec: "/bin/absent": stat /bin/absent: no such file or directory'),
        ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied'),
        ("/bin", 126, 'exec: "/bin": permission denied'),
    ],
)
def test_program_that_can_not_be_executed(firkin: Firkin, sleeping: str, program: str, code: int, message: str) -> None:
    done = firkin("exec", sleeping, program, check=False)
    assert (done.returncode, done.stderr) == (code, f"firkin: error: {message}\n")
    assert len(json.loads(firkin("ps", "--format", "json", sleeping).stdout)) == 1


def test_created_container_takes_programs_too(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.create(bundle)
    assert firkin("exec", id, "cat", "/proc/sys/kernel/hostname").stdout == "firkin\n"
    assert firkin.state(id)["status"] == "created"


def test_program_that_outlives_the_container_ends_with_it(firkin: Firkin, sleeping: str) -> None:
    process = subprocess.Popen(
        firkin.command("exec", sleeping, "sh", "-c", "echo; exec sleep 1000"), stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    firkin("kill", sleeping, "KILL")
    assert process.wait(SECONDS) == 128 + 9
    process.stdout.close()


def test_paused_container_takes_a_program_on_request(firkin: Firkin, sleeping: str, tmp_path: Path) -> None:
    firkin("pause", sleeping)
    argv = firkin.command("exec", "--ignore-paused", sleeping, "echo", "thawed")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    firkin("resume", sleeping)
    assert process.communicate(timeout=SECONDS)[0] == "thawed\n"


def test_seccomp_filter_of_the_container_holds_for_the_program(firkin: Firkin, bundle: Bundle) -> None:
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 74}],
    }
    id = firkin.start(bundle.shell("sleep 1000"))
    done = firkin("exec", id, "mkdir", "/tmp/made", check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "mkdir: can't create directory '/tmp/made': Bad message")


def test_oom_score_and_limits_are_set(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["oomScoreAdj"] = 500
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}]
    id = firkin.start(bundle.shell("sleep 1000"))
    shown = firkin("exec", id, "sh", "-c", "cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn").stdout
    assert shown == "500\n99\n100\n"


def test_capability_is_ambient_where_it_can_be_inherited(firkin: Firkin, bundle: Bundle) -> None:
    names = ["CAP_CHOWN", "CAP_SYSLOG"]
    bundle.process["capabilities"] = {
        "bounding": names,
        "inheritable": names,
        "permitted": ["CAP_CHOWN"],
        "effective": [],
        "ambient": ["CAP_CHOWN"],
    }
    id = firkin.start(bundle.shell("exec sleep 1000"))
    shown = firkin("exec", "--cap", "CAP_SYSLOG", id, "grep", "^CapAmb", "/proc/self/status").stdout
    assert int(shown.split()[1], 16) == 1 | 1 << 34

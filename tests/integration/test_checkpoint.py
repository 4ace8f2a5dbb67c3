"""Checkpoint and restore: the processes go on, in a container that is as it was, and nothing is left of failures."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from firkin.cgroupfs.hierarchy import find_hierarchy
from tests.support.bundle import Bundle, Firkin, wait_stopped
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2", "criu")

_COUNT = "n=0; while read word; do n=$((n+1)); echo $n $word; done; exit 7"
_TICK = "n=0; while sleep 0.1; do n=$((n+1)); echo $n > /mnt/count; done"


class Talk:
    """A container in the foreground whose process answers lines."""

    def __init__(self, firkin: Firkin, *words: str | Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(firkin.command(*words), stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        with self.process:
            return

    def say(self, word: str) -> str:
        """A line, and the answer to it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> int:
        """The exit code after the last line."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(SECONDS)


@pytest.fixture
def quick(bundle: Bundle) -> Bundle:
    """A bundle in the network of the host: CRIU takes seconds for a network."""
    bundle.linux["namespaces"] = [one for one in bundle.linux["namespaces"] if one["type"] != "network"]
    return bundle


def _start(firkin: Firkin, bundle: Bundle) -> str:
    return firkin.start(bundle, stderr=subprocess.DEVNULL)


def _count(bundle: Bundle) -> int:
    try:
        return int((bundle.rootfs / "mnt/count").read_text() or 0)
    except FileNotFoundError:
        return 0


def _status(pid: int, key: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{key}:"))


@pytest.mark.requires("pids")
def test_a_program_goes_on_with_other_pipes_in_the_same_confinement(
    firkin: Firkin, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.shell(_COUNT)
    bundle.process["noNewPrivileges"] = True
    bundle.linux["resources"]["pids"] = {"limit": 40}
    bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
    }
    images, path, id = tmp_path / "images", bundle.save(), firkin.new_id()
    with Talk(firkin, "run", "-b", path, id) as before:
        assert before.say("one") == "1 one"
        firkin("checkpoint", "--image-path", images, id)
        assert before.process.wait(SECONDS) == 128 + signal.SIGKILL
    assert firkin.leftovers(id) == []

    with Talk(firkin, "restore", "-b", path, "--image-path", images, id) as after:
        assert after.say("two") == "2 two"
        state = firkin.state(id)
        assert state["status"] == "running" and state["bundle"] == str(path)
        pid = state["pid"]
        assert Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1] == f"0::/firkin-{id}"
        assert (Path(find_hierarchy().mount) / f"firkin-{id}/pids.max").read_text() == "40\n"
        assert _status(pid, "NoNewPrivs") == "1" and _status(pid, "Seccomp") == "2"
        inside = firkin(
            "exec", id, "/bin/sh", "-c", "cat /proc/1/cgroup; hostname; mknod /dev/x b 7 0; cat /dev/x", check=False
        )
        assert inside.stdout == f"0::/\n{bundle.config['hostname']}\n"
        assert "Operation not permitted" in inside.stderr, "the device program is in force"
        assert after.end() == 7
    assert firkin.leftovers(id) == []


def test_a_container_runs_on_and_a_second_one_from_where_it_was(firkin: Firkin, quick: Bundle, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file").write_text("of the host")
    (quick.rootfs / "link").symlink_to("run")
    quick.mount("/link/data", "bind", str(tmp_path / "data"), "rbind", "ro")
    quick.mount("/etc/new", "bind", str(tmp_path / "file"), "bind")
    quick.mount("/run/own", "tmpfs", "tmpfs")
    quick.shell(f"echo kept > /run/own/file; {_TICK}")
    subprocess.run(["mount", "-t", "tmpfs", "below", tmp_path / "data"], check=True)
    try:
        (tmp_path / "data/seen").touch()
        images, first = tmp_path / "images", _start(firkin, quick)
        eventually(lambda: _count(quick) > 0)
        firkin("checkpoint", "--leave-running", "--image-path", images, "--work-path", tmp_path / "work", first)
        assert firkin.state(first)["status"] == "running"
        assert (tmp_path / "work/dump.log").exists() and not (images / "dump.log").exists()
        at = _count(quick)
        eventually(lambda: _count(quick) > at)
        firkin("delete", "--force", first)

        # A root that has not seen the container lacks the places of its mounts.
        (quick.rootfs / "etc/new").unlink()
        (quick.rootfs / "mnt/count").unlink()
        second, pid_file = firkin.new_id(), tmp_path / "pid"
        words = ("restore", "--detach", "-b", quick.path, "--image-path", images, "--pid-file", pid_file, second)
        firkin(*words)
        pid = int(pid_file.read_text())
        assert firkin.state(second)["pid"] == pid and eventually(lambda: _count(quick)) > 0
        script = "cat /run/own/file /etc/new; ls /run/data; readlink /proc/1/fd/0; touch /run/data/x"
        inside = firkin("exec", second, "/bin/sh", "-c", script, check=False)
        assert inside.stdout == "kept\nof the hostseen\n/dev/null\n" and "Read-only" in inside.stderr
        firkin("pause", second)
        assert firkin.state(second)["status"] == "paused"
        firkin("resume", second)
        firkin("kill", second, "KILL")
        wait_stopped(firkin, second)
        firkin("delete", second)
        assert firkin.leftovers(second) == [str(tmp_path / "data")], "the test's own mount"
    finally:
        subprocess.run(["umount", "-l", tmp_path / "data"], check=True)


def test_a_terminal_is_handed_on(firkin: Firkin, quick: Bundle, tmp_path: Path) -> None:
    quick.shell(_COUNT)
    quick.process["terminal"] = True
    id, images = firkin.new_id(), tmp_path / "images"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "console"))
        listener.listen()
        listener.settimeout(SECONDS)

        def terminal(*words: str | Path) -> int:
            with open("/dev/null", "r+b") as null:
                argv = firkin.command(*words, "-b", quick.save(), "--console-socket", tmp_path / "console", id)
                assert subprocess.run(argv, stdin=null, stdout=null, check=False).returncode == 0
            connection, _ = listener.accept()
            with connection:
                return socket.recv_fds(connection, 4096, 1)[1][0]

        master = terminal("run", "--detach")
        os.write(master, b"one\n")
        _expect(master, b"1 one\r\n")
        firkin("checkpoint", "--image-path", images, id)
        os.close(master)
        master = terminal("restore", "--detach", "--image-path", images)
        os.write(master, b"two\n")
        _expect(master, b"2 two\r\n")
        os.write(master, b"\x03")
        wait_stopped(firkin, id)
        os.close(master)


def _expect(master: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        seen += os.read(master, 65536)


def test_a_checkpoint_continues_another(firkin: Firkin, quick: Bundle, tmp_path: Path) -> None:
    id = _start(firkin, quick.shell(_TICK))
    eventually(lambda: _count(quick) > 0)
    firkin("checkpoint", "--pre-dump", "--image-path", tmp_path / "images/1", id)
    assert firkin.state(id)["status"] == "running"
    firkin("checkpoint", "--parent-path", "../1", "--image-path", tmp_path / "images/2", id)
    at = _count(quick)
    firkin("restore", "-d", "-b", quick.path, "--image-path", tmp_path / "images/2", id)
    eventually(lambda: _count(quick) > at)


@pytest.mark.requires("netns", "ip")
def test_a_joined_network_stays_outside(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    with subprocess.Popen(["unshare", "--net", "sleep", "1000"]) as holder:
        try:
            path = Path(f"/proc/{holder.pid}/ns/net")
            eventually(lambda: os.readlink(path) != os.readlink("/proc/self/ns/net"))
            others = [one["type"] for one in bundle.linux["namespaces"] if one["type"] != "network"]
            bundle.namespaces(*others, network=str(path))
            id = _start(firkin, bundle.shell(_TICK))
            firkin("checkpoint", "--image-path", tmp_path / "images", id)
            firkin("restore", "-d", "-b", bundle.path, "--image-path", tmp_path / "images", id)
            pid = firkin.state(id)["pid"]
            assert os.readlink(f"/proc/{pid}/ns/net") == os.readlink(path)
        finally:
            holder.kill()


def test_what_can_not_be_dumped_is_said_and_the_container_runs_on(
    firkin: Firkin, bundle: Bundle, tmp_path: Path
) -> None:
    words = ("checkpoint", "--image-path", tmp_path / "images")
    id = firkin.create(bundle.shell(_TICK))
    assert "cannot checkpoint a created container" in firkin(*words, id, check=False).stderr
    firkin("start", id)
    assert "--lazy-pages is not supported" in firkin(*words, "--lazy-pages", id, check=False).stderr
    assert "must be relative" in firkin(*words, "--parent-path", "/x", id, check=False).stderr
    assert firkin.state(id)["status"] == "running"
    bundle.user_namespace()
    id = _start(firkin, bundle)
    said = firkin(*words, id, check=False).stderr
    assert "linux.namespaces[" in said and "user namespace" in said
    assert firkin.state(id)["status"] == "running"


def test_a_restore_that_fails_or_dies_leaves_nothing(firkin: Firkin, quick: Bundle, tmp_path: Path) -> None:
    id, images = _start(firkin, quick.shell(_TICK)), tmp_path / "images"
    words = ("restore", "-d", "-b", quick.path, "--image-path", images, id)
    assert "images" in firkin(*words, check=False).stderr, "there is none yet"
    eventually(lambda: _count(quick) > 0)
    firkin("checkpoint", "--image-path", images, id)

    hook = tmp_path / "hook"
    quick.config["hooks"] = {"createRuntime": [{"path": str(hook)}]}
    quick.save()

    def be(script: str) -> None:
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)

    be("cat > /dev/null; echo no network >&2; exit 3")
    said = firkin(*words, check=False)
    assert said.returncode == 1 and "hooks.createRuntime[0]" in said.stderr and "no network" in said.stderr
    assert firkin.leftovers(id) == []

    # The hook's parent is the command.
    be("kill -9 $PPID")
    assert firkin(*words, check=False).returncode == -signal.SIGKILL
    assert firkin.leftovers(id) != []
    firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []

    be(f"cat > {tmp_path}/told")
    firkin(*words)
    state = json.loads((tmp_path / "told").read_text())
    assert state["id"] == id and state["status"] == "creating" and state["pid"] == firkin.state(id)["pid"]
    at = _count(quick)
    eventually(lambda: _count(quick) > at)


def test_a_checkpoint_of_nothing_says_so(firkin: Firkin, quick: Bundle, tmp_path: Path) -> None:
    id, empty = firkin.new_id(), tmp_path / "empty"
    empty.mkdir()
    done = firkin("restore", "-b", quick.save(), "--image-path", empty, id, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f'firkin: error: restore container "{id}": CRIU: ')
    assert firkin.leftovers(id) == [] and stat.S_ISREG((empty / "restore.log").stat().st_mode)

"""Descriptors of the container: its three streams, those that are passed on, and no other."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS, eventually

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]


def _held(pid: int) -> list[str]:
    return sorted(os.listdir(f"/proc/{pid}/fd"), key=int)


@pytest.fixture
def inherited(tmp_path: Path) -> Iterator[list[int]]:
    """Files with the contents "a" to "h" under the descriptors that follow standard error in a child."""
    fds = []
    for name in "abcdefgh":
        (tmp_path / name).write_text(f"{name}\n")
        fds.append(os.open(tmp_path / name, os.O_RDONLY))
    yield fds
    for fd in fds:
        os.close(fd)


def _with_descriptors(argv: list[str], fds: list[int], **options: Any) -> subprocess.CompletedProcess[str]:
    # The shell puts them at 3 and up: in this process they have other numbers.
    numbers = range(3, 3 + len(fds))
    # First out of the way, as the ranges may overlap.
    moves = "".join(f"exec {100 + n}<&{fd}; " for n, fd in zip(numbers, fds, strict=True))
    moves += "".join(f"exec {n}<&{100 + n} {100 + n}<&-; " for n in numbers)
    command = ["bash", "-c", f'{moves}exec "$@"', "bash", *argv]
    return subprocess.run(command, pass_fds=fds, capture_output=True, text=True, check=False, timeout=120, **options)


def _quiet(argv: list[str], fds: list[int]) -> int:
    # A container that goes on would hold the pipes of its output.
    return _with_descriptors(["bash", "-c", '"$@" < /dev/null > /dev/null 2>&1', "bash", *argv], fds).returncode


def test_run_has_three_descriptors(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    argv = firkin.command("run", "-b", bundle.shell("echo ready; exec sleep 1000").save(), id)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"ready\n"
        assert _held(firkin.state(id)["pid"]) == ["0", "1", "2"]
        firkin("kill", id, "KILL")


def test_start_has_three_descriptors(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["args"] = ["sleep", "1000"]
    id = firkin.start(bundle)
    assert _held(firkin.state(id)["pid"]) == ["0", "1", "2"]


def test_exec_has_three_descriptors(firkin: Firkin, bundle: Bundle, tmp_path: Path) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    argv = firkin.command("exec", "--detach", "--pid-file", tmp_path / "pid", id, "sleep", "1000")
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert _held(int((tmp_path / "pid").read_text())) == ["0", "1", "2"]


@pytest.mark.requires("userns")
def test_user_namespace_has_three_descriptors(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.user_namespace().shell("exec sleep 1000"))
    assert _held(firkin.state(id)["pid"]) == ["0", "1", "2"]


def test_descriptors_of_the_caller_stay_behind(firkin: Firkin, bundle: Bundle, inherited: list[int]) -> None:
    id = firkin.new_id()
    assert _quiet(firkin.command("create", "-b", bundle.shell("exec sleep 1000").save(), id), inherited) == 0
    firkin("start", id)
    assert _held(firkin.state(id)["pid"]) == ["0", "1", "2"]


def test_descriptors_are_preserved_on_request(firkin: Firkin, bundle: Bundle, inherited: list[int]) -> None:
    bundle.shell("cat <&3; cat <&4; cat <&5")
    argv = firkin.command("run", "--preserve-fds", "2", "-b", bundle.save(), firkin.new_id())
    done = _with_descriptors(argv, inherited)
    assert done.stdout == "a\nb\n"
    assert "5: Bad file descriptor" in done.stderr


def test_create_keeps_preserved_descriptors_for_start(firkin: Firkin, bundle: Bundle, inherited: list[int]) -> None:
    id = firkin.new_id()
    bundle.shell("cat <&4 > /read; exec sleep 1000")
    argv = firkin.command("create", "--preserve-fds", "2", "-b", bundle.save(), id)
    assert _quiet(argv, inherited) == 0
    firkin("start", id)
    pid = firkin.state(id)["pid"]
    # The shell has more of them while it starts a program.
    eventually(lambda: _held(pid), lambda held: held == ["0", "1", "2", "3", "4"])
    read = bundle.rootfs / "read"
    eventually(lambda: read.read_text() if read.exists() else "", lambda text: text == "b\n")


def test_exec_preserves_descriptors(firkin: Firkin, bundle: Bundle, inherited: list[int]) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    argv = firkin.command("exec", "--preserve-fds", "3", id, "sh", "-c", "cat <&3; cat <&4; cat <&5")
    assert _with_descriptors(argv, inherited).stdout == "a\nb\nc\n"


def test_preserved_descriptor_must_be_open(firkin: Firkin, bundle: Bundle, inherited: list[int]) -> None:
    argv = firkin.command("run", "--preserve-fds", "9", "-b", bundle.save(), firkin.new_id())
    done = _with_descriptors(argv, inherited)
    assert (done.returncode, done.stderr) == (1, "firkin: error: --preserve-fds 9: descriptor 11 is not open\n")


def test_sockets_of_activation_are_passed_on_with_their_number(firkin: Firkin, bundle: Bundle) -> None:
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        fds = [first.fileno(), second.fileno()]
        bundle.shell("readlink /proc/1/fd/3 | cut -c1-7; readlink /proc/1/fd/4 | cut -c1-7; env | grep ^LISTEN | sort")
        argv = firkin.command("run", "-b", bundle.save(), firkin.new_id())
        done = _with_descriptors(argv, fds, env={**os.environ, "LISTEN_FDS": "2"})
    assert done.stdout.split() == ["socket:", "socket:", "LISTEN_FDS=2", "LISTEN_PID=1"]


def test_preserved_descriptors_come_after_those_of_activation(
    firkin: Firkin, bundle: Bundle, inherited: list[int]
) -> None:
    bundle.shell("cat <&3; cat <&4; cat <&5")
    argv = firkin.command("run", "--preserve-fds", "1", "-b", bundle.save(), firkin.new_id())
    done = _with_descriptors(argv, inherited, env={**os.environ, "LISTEN_FDS": "2"})
    assert done.stdout == "a\nb\nc\n"


@pytest.mark.parametrize("command", ["run --detach", "create"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_stream_is_the_null_device(firkin: Firkin, bundle: Bundle, command: str, closed: str) -> None:
    id = firkin.new_id()
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    argv = firkin.command(*command.split(), "-b", bundle.shell("exec sleep 1000").save(), id)
    with open(firkin.root.parent / "streams", "w+") as file:
        command_line = ["bash", "-c", f'exec "$@" {closed}', "bash", *argv]
        done = subprocess.run(command_line, stdin=file, stdout=file, stderr=file, check=False)
        file.seek(0)
        assert done.returncode == 0, file.read()
    if command == "create":
        firkin("start", id)
    pid = firkin.state(id)["pid"]
    assert _held(pid) == ["0", "1", "2"]
    null = {"<&-": ["0"], ">&-": ["1"], "2>&-": ["2"]}.get(closed, ["0", "1", "2"])
    assert [fd for fd in _held(pid) if os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"] == null


def test_streams_belong_to_the_user(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    script = "echo first > /dev/stdout; echo second >> /proc/self/fd/1; cat /dev/stdin; echo error > /dev/stderr"
    done = firkin("run", "-b", bundle.shell(script).save(), firkin.new_id(), input="third\n")
    assert (done.stdout, done.stderr) == ("first\nsecond\nthird\n", "error\n")


def test_null_device_of_the_host_keeps_its_owner(firkin: Firkin, bundle: Bundle) -> None:
    before = os.stat("/dev/null")
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    firkin.create(bundle)
    after = os.stat("/dev/null")
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_streams_may_be_read_only_or_of_another_owner(firkin: Firkin, bundle: Bundle) -> None:
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    with open("/proc/version") as source:
        done = firkin("run", "-b", bundle.shell("cat").save(), firkin.new_id(), stdin=source)
    assert done.stdout == Path("/proc/version").read_text()


def test_large_output_through_a_pipe(firkin: Firkin, bundle: Bundle) -> None:
    assert firkin.run(bundle.shell("seq 1 50000")).split() == [str(number) for number in range(1, 50001)]


def test_caller_may_stop_reading(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    argv = firkin.command("run", "-b", bundle.shell("seq 1 1000000; exit 9").save(), id)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(SECONDS) == 9
    assert firkin.leftovers(id) == []

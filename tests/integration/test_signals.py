"""Signals: forwarded by a command in the foreground, sent by `kill`, and how they show in exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.bundle import Bundle, Firkin, wait_stopped
from tests.support.waiting import SECONDS, eventually

pytestmark = [pytest.mark.requires("root", "cgroup2"), pytest.mark.usefixtures("every_front")]

_FORWARDED = (
    "HUP",
    "INT",
    "QUIT",
    "USR1",
    "USR2",
    "ALRM",
    "TERM",
    "CONT",
    "VTALRM",
    "PROF",
    "WINCH",
    "IO",
    "PWR",
    "SYS",
)


def _trap(*names: str) -> str:
    traps = "; ".join(f"trap 'echo got {name}; exit 4' {name}" for name in names)
    return f"{traps}; echo ready; while :; do sleep 1000 >/dev/null 2>&1 & wait; done"


def _popen(argv: list[str], **options: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # type: ignore[call-overload]
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    assert isinstance(process, subprocess.Popen)
    return process


def _read_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n"


@pytest.mark.parametrize("name", _FORWARDED)
def test_run_forwards(firkin: Firkin, bundle: Bundle, name: str) -> None:
    process = _popen(firkin.command("run", "-b", bundle.shell(_trap(name)).save(), firkin.new_id()))
    _read_ready(process)
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.communicate(timeout=SECONDS) == (f"got {name}\n", "")
    assert process.returncode == 4


def test_run_forwards_more_than_once(firkin: Firkin, bundle: Bundle) -> None:
    loop = "while :; do sleep 1000 >/dev/null 2>&1 & wait; done"
    script = f"trap 'echo one' USR1; trap 'echo two; exit 5' USR2; echo ready; {loop}"
    process = _popen(firkin.command("run", "-b", bundle.shell(script).save(), firkin.new_id()))
    _read_ready(process)
    assert process.stdout
    for _ in range(20):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "one\n"
    process.send_signal(signal.SIGUSR2)
    assert process.communicate(timeout=SECONDS)[0] == "two\n"
    assert process.returncode == 5


@pytest.mark.parametrize("name", ["INT", "TERM", "USR1"])
def test_exec_forwards(firkin: Firkin, bundle: Bundle, name: str) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    process = _popen(firkin.command("exec", id, "sh", "-c", _trap(name)))
    _read_ready(process)
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.communicate(timeout=SECONDS) == (f"got {name}\n", "")
    assert process.returncode == 4
    assert firkin.state(id)["status"] == "running"


@pytest.mark.parametrize("name", ["TERM", "INT", "USR1", "KILL", "SEGV"])
def test_program_that_a_signal_ends_gives_128_and_its_number(firkin: Firkin, bundle: Bundle, name: str) -> None:
    # In the caller's pid namespace: the first process of a namespace ignores signals from inside.
    bundle.namespaces("mount").config.pop("hostname")
    done = firkin("run", "-b", bundle.shell(f"kill -{name} $$").save(), firkin.new_id(), check=False)
    assert (done.returncode, done.stderr) == (128 + getattr(signal, f"SIG{name}"), "")


def test_program_of_exec_that_a_signal_ends(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    assert firkin("exec", id, "sh", "-c", "kill -HUP $$", check=False).returncode == 128 + 1


def test_kill_of_the_container_shows_in_the_exit_code_of_run(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    process = _popen(firkin.command("run", "-b", bundle.shell("echo ready; exec sleep 1000").save(), id))
    _read_ready(process)
    firkin("kill", id, "KILL")
    process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + 9
    assert firkin.leftovers(id) == []


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "sigterm", "15", ""])
def test_kill_takes_names_and_numbers(firkin: Firkin, bundle: Bundle, text: str) -> None:
    os.mkfifo(bundle.rootfs / "said")
    said = os.open(bundle.rootfs / "said", os.O_RDWR)
    id = firkin.start(bundle.shell("exec > /said; " + _trap("TERM")))
    assert os.read(said, 100) == b"ready\n"
    firkin("kill", id, *([text] if text else []))
    assert os.read(said, 100) == b"got TERM\n"
    os.close(said)
    wait_stopped(firkin, id)


def test_kill_takes_real_time_signals(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    pid = firkin.state(id)["pid"]
    for text in ("RTMIN", "SIGRTMIN+3", "RTMAX-1", "64"):
        firkin("kill", id, text)
    status = Path(f"/proc/{pid}/status").read_text()
    assert firkin.state(id)["status"] == "running", f"the first process of a namespace has no default action: {status}"


@pytest.mark.parametrize(
    "text", ["NOSUCH", "-1", "65", "1000", "SIG", "RTMIN+100", "TERM+1", "SIG_IGN", "SIG_DFL", "KILL "]
)
def test_kill_refuses_what_is_no_signal(firkin: Firkin, bundle: Bundle, text: str) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    done = firkin("kill", "--", id, text, check=False)
    message = f"unknown signal {text!r} (a number, or a name such as TERM or SIGTERM)"
    assert (done.returncode, done.stderr) == (1, f"firkin: error: {message}\n")


def test_kill_reaches_the_first_process_only(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("trap 'echo > /got' USR1; sleep 1000 & while :; do wait; done"))
    pids = firkin.processes(id, 2)
    firkin("kill", id, "USR1")
    eventually((bundle.rootfs / "got").exists)
    assert firkin.processes(id, 2) == pids


def test_signal_0_looks_whether_the_container_runs(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    firkin("kill", id, "0")
    firkin("kill", id, "KILL")
    wait_stopped(firkin, id)
    done = firkin("kill", id, "0", check=False)
    assert (done.returncode, done.stderr) == (1, "firkin: error: container not running\n")
    firkin("kill", "--all", id, "KILL")
    assert firkin("ps", "--format", "json", id).stdout == "[]\n"


def test_kill_all_reaches_every_process(firkin: Firkin, bundle: Bundle) -> None:
    bundle.shell("trap 'exit 0' USR1; sleep 1000 & sleep 1000 & wait; wait; wait")
    id = firkin.start(bundle)
    pids = firkin.processes(id, 3)
    firkin("kill", "--all", id, "USR1")
    wait_stopped(firkin, id)
    assert [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()] == []


def test_kill_all_of_a_paused_container_leaves_it_paused(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    firkin("pause", id)
    firkin("kill", "--all", id, "USR1")
    assert firkin.state(id)["status"] == "paused"


def test_kill_signal_ends_all_processes_without_a_pid_namespace(firkin: Firkin, bundle: Bundle) -> None:
    bundle.namespaces("mount").config.pop("hostname")
    id = firkin.start(bundle.shell("sleep 1000 & sleep 1000 & exec sleep 1000"))
    pids = firkin.processes(id, 3)
    firkin("kill", id, "KILL")
    for pid in pids:
        _await_end(pid)


def _await_end(pid: int) -> None:
    import select

    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    assert poller.poll(SECONDS * 1000)
    os.close(pidfd)


def test_kill_by_regular_expression(firkin: Firkin, bundle: Bundle) -> None:
    ids = [firkin.start(bundle.shell("exec sleep 1000")) for _ in range(2)]
    firkin("kill", "--regex", "|".join(ids), "KILL")
    for id in ids:
        wait_stopped(firkin, id)
        assert firkin.state(id)["status"] == "stopped"


def test_killed_runtime_leaves_the_container_to_delete(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.new_id()
    process = _popen(firkin.command("run", "-b", bundle.shell("echo ready; exec sleep 1000").save(), id))
    _read_ready(process)
    process.kill()
    process.wait()
    assert firkin.state(id)["status"] == "running"
    firkin("delete", "--force", id)
    assert firkin.leftovers(id) == []
    process.communicate()


def test_dispositions_and_mask_of_the_caller_are_not_the_programs(firkin: Firkin, bundle: Bundle) -> None:
    def ignore_and_block() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGCHLD, signal.SIGRTMIN):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR2, signal.SIGRTMAX))

    script = "exec grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"
    process = _popen(
        firkin.command("run", "-b", bundle.shell(script).save(), firkin.new_id()), preexec_fn=ignore_and_block
    )
    output, errors = process.communicate(timeout=SECONDS)
    zero = "0" * 16
    assert (output.split(), errors) == (["SigBlk:", zero, "SigIgn:", zero, "SigCgt:", zero], "")


def test_program_of_exec_has_no_dispositions_of_the_caller(firkin: Firkin, bundle: Bundle) -> None:
    id = firkin.start(bundle.shell("exec sleep 1000"))
    process = _popen(
        firkin.command("exec", id, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"),
        preexec_fn=lambda: (signal.signal(signal.SIGHUP, signal.SIG_IGN), None)[1],
    )
    assert process.communicate(timeout=SECONDS)[0].split() == ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16]


def test_signal_that_comes_early_is_not_lost(firkin: Firkin, bundle: Bundle) -> None:
    # It arrives somewhere between the start of the command and that of the program: either ends it.
    bundle.namespaces("mount").config.pop("hostname")
    for hook_seconds in ("0", "0.2"):
        bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", hook_seconds]}]}
        id = firkin.new_id()
        process = _popen(firkin.command("run", "-b", bundle.shell("exec sleep 1000").save(), id))
        while not (firkin.root / id / "state.json").exists() and process.poll() is None:
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        assert process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
        firkin("delete", "--force", id)
        assert firkin.leftovers(id) == []

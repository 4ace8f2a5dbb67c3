"""Programs run in a container by the server: their output, their end, and what happens to those that never end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import pytest

from firkin.cri.execution.launch import Launcher, Wish, is_ending
from firkin.cri.execution.sync import MOST_OUTPUT, Result, run_to_end
from firkin.cri.streaming.session import Source
from firkin.errors import DeadlineError, ExecutableError, NotFoundError, StateError
from firkin.runtime.host import read_host
from firkin.runtime.store import start_time
from tests.support.bundle import Bundle, Firkin
from tests.support.waiting import SECONDS, eventually

pytestmark = pytest.mark.requires("root", "cgroup2")

_T = TypeVar("_T")


@pytest.fixture
def sleeping(firkin: Firkin, bundle: Bundle) -> str:
    """A container that runs and does nothing."""
    return firkin.start(bundle.shell("sleep 1000"))


@pytest.fixture
def launcher(firkin: Firkin) -> Launcher:
    return Launcher(str(firkin.root), read_host(str(firkin.root)))


def run(work: Awaitable[_T]) -> _T:
    async def bounded() -> _T:
        return await asyncio.wait_for(work, SECONDS)

    return asyncio.run(bounded())


def shell(launcher: Launcher, container: str, script: str, seconds: int = 0) -> Result:
    return run(run_to_end(launcher, container, ("sh", "-c", script), seconds))


async def everything(source: Source) -> bytes:
    said = b""
    while data := await source.read():
        said += data
    return said


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_output_and_exit_code_come_back(launcher: Launcher, sleeping: str) -> None:
    # The first program loads firkin-init, which stays open for the others.
    assert shell(launcher, sleeping, "true") == Result(b"", b"", 0)
    before = descriptors()
    assert shell(launcher, sleeping, "echo out; echo err >&2; exit 3") == Result(b"out\n", b"err\n", 3)
    assert shell(launcher, sleeping, "kill -9 $$").exit_code == 137
    assert descriptors() == before


def test_it_runs_where_the_container_runs(launcher: Launcher, sleeping: str) -> None:
    found = shell(
        launcher, sleeping, "readlink /proc/self/ns/pid; readlink /proc/1/ns/pid; read -r line || echo no input"
    )
    first, second, rest = found.stdout.decode().splitlines()
    assert first == second != os.readlink("/proc/self/ns/pid")
    assert rest == "no input"


def test_more_output_than_is_kept_does_not_hold_the_program_up(launcher: Launcher, sleeping: str) -> None:
    found = shell(launcher, sleeping, f"head -c {MOST_OUTPUT + 100000} /dev/zero; echo end >&2")
    assert (len(found.stdout), found.stderr, found.exit_code) == (MOST_OUTPUT, b"end\n", 0)


def test_a_program_that_does_not_end_in_time_is_killed(firkin: Firkin, launcher: Launcher, sleeping: str) -> None:
    before = descriptors()
    with pytest.raises(DeadlineError, match="'sleep' did not end within 1 s"):
        run(run_to_end(launcher, sleeping, ("sleep", "777"), 1))
    assert "sleep 777" not in firkin("exec", sleeping, "ps").stdout
    assert descriptors() == before


def test_who_holds_the_output_does_not_hold_the_answer_up(launcher: Launcher, sleeping: str) -> None:
    # The child has the pipe, and stays.
    found = shell(launcher, sleeping, "sleep 900 & echo started")
    assert (found.stdout, found.exit_code) == (b"started\n", 0)


def test_a_client_that_gives_up_takes_the_program_along(firkin: Firkin, launcher: Launcher, sleeping: str) -> None:
    async def give_up() -> None:
        task = asyncio.create_task(run_to_end(launcher, sleeping, ("sh", "-c", "echo $$ > /dev/shm/pid; sleep 800"), 0))
        async with asyncio.timeout(SECONDS):
            while not (await run_to_end(launcher, sleeping, ("cat", "/dev/shm/pid"), 0)).stdout:
                pass
        task.cancel()
        await asyncio.wait([task])

    run(give_up())
    pid = firkin("exec", sleeping, "cat", "/dev/shm/pid").stdout.strip()
    assert firkin("exec", sleeping, "test", "-d", f"/proc/{pid}", check=False).returncode == 1


def test_a_container_that_has_ended_does_not_run(firkin: Firkin, launcher: Launcher, sleeping: str) -> None:
    before = descriptors()
    firkin("kill", sleeping, "KILL")
    eventually(lambda: firkin.state(sleeping)["status"], lambda status: status == "stopped")
    with pytest.raises(StateError, match="does not run"):
        run(run_to_end(launcher, sleeping, ("true",), 0))
    assert descriptors() == before


def test_a_process_that_ends_is_told_from_one_that_lives() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    started = start_time(pid)
    # It is not reaped yet.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_ending(pid, started)
    os.waitpid(pid, 0)
    assert is_ending(pid, started)
    own = os.getpid()
    assert not is_ending(own, start_time(own))
    assert is_ending(own, start_time(own) + 1)


def test_what_can_not_be_run_is_said(launcher: Launcher, sleeping: str) -> None:
    before = descriptors()
    with pytest.raises(ExecutableError, match="no-such-program"):
        run(run_to_end(launcher, sleeping, ("no-such-program",), 0))
    with pytest.raises(NotFoundError):
        run(run_to_end(launcher, "no-such-container", ("true",), 0))
    assert descriptors() == before


def test_a_terminal_has_a_size_and_carries_input(launcher: Launcher, sleeping: str, tmp_path: Path) -> None:
    async def converse() -> bytes:
        program = await launcher.launch(
            sleeping, Wish(("sh", "-c", "read x; stty size; echo got $x"), stdin=True, terminal=True)
        )
        session = program.session
        assert session.stdin and session.stdout and session.stderr is None
        session.resize(100, 40)
        await session.stdin.write(b"word\n")
        said, code = await asyncio.gather(everything(session.stdout), session.wait())
        assert code == 0
        await session.close()
        return said

    said = run(converse())
    assert b"40 100\r\n" in said
    assert b"got word\r\n" in said

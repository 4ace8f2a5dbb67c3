"""Sessions over descriptors of local processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from functools import partial

import pytest

from firkin.cri.streaming.descriptors import DescriptorSink, DescriptorSource
from firkin.cri.streaming.process_session import ProcessSession, child_exit
from tests.support.streaming import run


def spawn(*command: str) -> int:
    return os.posix_spawnp(command[0], command, os.environ)


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 255", 255), ("kill -TERM $$", 143)])
def test_the_exit_code_of_a_child(script: str, code: int) -> None:
    async def test() -> None:
        pid = spawn("sh", "-c", script)
        pidfd = os.pidfd_open(pid)
        assert await child_exit(pidfd) == code
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, 0)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(pidfd)

    run(test)


def test_who_is_no_child_has_no_exit_code() -> None:
    async def test() -> None:
        with subprocess.Popen(["sh", "-c", "sh -c 'exec sleep 1000' & echo $!"], stdout=subprocess.PIPE) as shell:
            assert shell.stdout is not None
            pid = int(shell.stdout.readline())
            pidfd = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(ChildProcessError):
                await child_exit(pidfd)
            os.close(pidfd)

    run(test)


def test_waiting_can_be_given_up() -> None:
    async def test() -> None:
        pid = spawn("sleep", "1000")
        pidfd = os.pidfd_open(pid)
        waiting = asyncio.create_task(child_exit(pidfd))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        os.kill(pid, signal.SIGKILL)
        assert await child_exit(pidfd) == 137

    run(test)


def test_a_source_gives_what_is_there_and_waits_for_more() -> None:
    async def test() -> None:
        reading, writing = os.pipe()
        source = DescriptorSource(reading, 1000)
        os.write(writing, b"one")
        assert await source.read() == b"one"
        later = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        os.write(writing, b"two")
        assert await later == b"two"
        os.close(writing)
        assert await source.read() == b""
        source.close()

    run(test)


def test_behind_the_end_of_the_writer_a_source_waits_for_silence() -> None:
    async def test() -> None:
        reading, writing = os.pipe()
        source = DescriptorSource(reading, 0.05)
        waiting = asyncio.create_task(source.read())
        await asyncio.sleep(0)
        source.writer_ended()
        assert await waiting == b""
        os.write(writing, b"late")
        assert await source.read() == b"late"
        assert await source.read() == b""
        os.close(writing)
        source.close()

    run(test)


def test_a_sink_takes_what_does_not_fit_as_there_is_room() -> None:
    async def test() -> None:
        reading, writing = os.pipe()
        closed: list[bool] = []
        sink = DescriptorSink(writing, lambda: closed.append(True))
        data = os.urandom(1 << 20)
        task = asyncio.create_task(sink.write(data))
        source, received = DescriptorSource(reading, 1000), b""
        while len(received) < len(data):
            received += await source.read()
        await task
        assert received == data
        source.close()
        with pytest.raises(BrokenPipeError):
            await sink.write(b"x")
        await sink.close()
        assert closed == [True]
        os.close(writing)

    run(test)


def terminal_session(*command: str, reads: bool = True) -> ProcessSession:
    master, slave = os.openpty()
    process = subprocess.Popen(("setsid", "--ctty", "--wait", *command), stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    process.returncode = 0
    ended = partial(child_exit, os.pidfd_open(process.pid))
    return ProcessSession(ended, terminal=master, reads=reads, silence=1000)


async def all_of(session: ProcessSession) -> bytes:
    assert session.stdout is not None
    output = b""
    while data := await session.stdout.read():
        output += data
    return output


def test_a_terminal_that_all_have_closed_can_be_opened_again() -> None:
    async def test() -> None:
        script = "echo one; exec 0<&- 1>&- 2>&-; sleep 0.1; echo two >/dev/tty"
        session = terminal_session("sh", "-c", script)
        output = asyncio.create_task(all_of(session))
        assert await session.wait() == 0
        assert await output == b"one\r\ntwo\r\n"
        await session.close()

    run(test)


def test_a_terminal_that_is_not_written_to_has_no_input() -> None:
    async def test() -> None:
        session = terminal_session("true", reads=False)
        assert session.stdin is None
        await session.wait()
        await session.close()

    run(test)


def test_without_terminal_there_is_no_size() -> None:
    async def test() -> None:
        pid = spawn("true")
        session = ProcessSession(partial(child_exit, os.pidfd_open(pid)))
        session.resize(80, 24)
        assert (session.stdin, session.stdout, session.stderr) == (None, None, None)
        assert await session.wait() == 0
        await session.close()

    run(test)


def test_closing_leaves_no_descriptor() -> None:
    async def test() -> None:
        before = set(os.listdir("/proc/self/fd"))
        session = terminal_session("true")
        await session.wait()
        await session.close()
        reading, writing = os.pipe()
        other, more = os.pipe()
        session = ProcessSession(partial(child_exit, os.pidfd_open(spawn("true"))), stdin=writing, stdout=other)
        await session.wait()
        assert session.stdin is not None
        await session.stdin.close()
        await session.close()
        os.close(reading)
        os.close(more)
        assert set(os.listdir("/proc/self/fd")) == before

    run(test)


def test_waiting_is_not_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0

    async def test() -> None:
        loop = asyncio.get_running_loop()
        run_once = loop._run_once  # type: ignore[attr-defined]

        def count() -> None:
            nonlocal rounds
            rounds += 1
            run_once()

        monkeypatch.setattr(loop, "_run_once", count)
        reading, writing = os.pipe()
        source = DescriptorSource(reading, 1000)
        waiting = asyncio.create_task(source.read())
        assert await child_exit(os.pidfd_open(spawn("sleep", "0.3"))) == 0
        os.write(writing, b"x")
        assert await waiting == b"x"
        os.close(writing)
        source.close()

    run(test)
    assert 0 < rounds < 20

"""ExecSync: run a program to its end, and answer with what it wrote."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Protocol

from firkin.cri import faults
from firkin.cri.execution.launch import Program, Wish
from firkin.cri.streaming.session import Source
from firkin.errors import DeadlineError

__all__ = ["MOST_OUTPUT", "Launcher", "Result", "run_to_end"]

MOST_OUTPUT = 16 << 20
"""Bytes of each stream that are kept; a program that writes more goes on, and the rest is dropped (CVE-2022-1708)."""


class Launcher(Protocol):
    """Who starts programs."""

    async def launch(self, container: str, wish: Wish) -> Program:
        """Start one in a container."""


class Result(NamedTuple):
    """What a program wrote, and its exit code."""

    stdout: bytes
    stderr: bytes
    exit_code: int


async def run_to_end(launcher: Launcher, container: str, args: tuple[str, ...], seconds: int) -> Result:
    """Run a program in a container.

    Parameters: `seconds` is how long it may take, 0 for ever; then it is killed.
    Raises DeadlineError, and what `launch` of the launcher raises.
    """
    program = await _launched(launcher, container, args)
    faults.reach("launched")
    try:
        async with asyncio.timeout(seconds or None):
            return await _collect(program)
    except TimeoutError:
        await program.kill()
        raise DeadlineError(f"container {container}: {args[0]!r} did not end within {seconds} s") from None
    except BaseException:
        await program.kill()
        raise
    finally:
        await program.session.close()


async def _launched(launcher: Launcher, container: str, args: tuple[str, ...]) -> Program:
    # What is cancelled while it begins has begun all the same, and is ended as a program that runs.
    launch = asyncio.ensure_future(launcher.launch(container, Wish(args)))
    try:
        return await asyncio.shield(launch)
    except asyncio.CancelledError:
        program = await launch
        await program.kill()
        await program.session.close()
        raise


async def _collect(program: Program) -> Result:
    session = program.session
    stdout, stderr, code = await asyncio.gather(_keep(session.stdout), _keep(session.stderr), session.wait())
    return Result(stdout, stderr, code)


async def _keep(source: Source | None) -> bytes:
    kept = bytearray()
    while source is not None and (data := await source.read()):
        kept += data[: MOST_OUTPUT - len(kept)]
    return bytes(kept)

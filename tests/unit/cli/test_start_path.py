"""What the start of every command may cost: modules and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Interpreter

BANNED = {
    "abc",
    "argparse",
    "asyncio",
    "collections",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "importlib",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "re",
    "subprocess",
    "traceback",
    "typing",
}
LAZY = {f"firkin.runtime.cli.{name}" for name in ("completion", "help", "log", "manpage", "suggest", "version")}
PARSE = """
from firkin.runtime.cli import main
from firkin.runtime.cli.commands import GLOBAL_OPTIONS, interpret, load
from firkin.runtime.cli.options import parse
def read(argv):
    settings = {}
    words = parse(argv, GLOBAL_OPTIONS, settings, interspersed=False)
    return interpret(load(words[0])[0], words[1:], settings)
"""


def imported(stderr: str) -> set[str]:
    """The modules in the report of `-X importtime`."""
    lines = [line.split("|") for line in stderr.splitlines() if line.startswith("import time:")]
    return {fields[2].strip() for fields in lines[1:]}


@pytest.mark.parametrize(
    "line",
    [
        "run -b /bundle web",
        "--root /r --log-format json --systemd-cgroup create --bundle /b --pid-file /p web",
        "start web",
        "state web",
        "kill --all web KILL",
        "delete --force web",
        "exec --process /p --detach --pid-file /q web",
    ],
)
def test_reading_a_command_line_imports_little(line: str, interpreter: Interpreter) -> None:
    flags = ("-X", "importtime")
    bare = imported(interpreter(code="pass", flags=flags).stderr)
    done = interpreter(*line.split(), code=PARSE + "read(sys.argv[1:])", flags=flags)
    assert done.returncode == 0
    added = imported(done.stderr) - bare
    assert "firkin.runtime.cli.main" in added
    assert not added & (BANNED | LAZY)
    bodies = {name for name in added if name.startswith("firkin.runtime.commands.")}
    assert len(bodies) == 1


def test_reading_a_command_line_takes_few_steps(interpreter: Interpreter) -> None:
    code = PARSE + (
        "steps = 0\n"
        "def trace(frame, event, argument):\n"
        "    global steps\n"
        "    frame.f_trace_opcodes = True\n"
        "    steps += event == 'opcode'\n"
        "    return trace\n"
        "read(['run', '-b', '/bundle', 'web'])\n"
        "sys.settrace(trace)\n"
        "read(['run', '-b', '/bundle', 'web'])\n"
        "sys.settrace(None)\n"
        "print(steps)"
    )
    # Instructions of the interpreter, of which it does some ten million in a second.
    assert 100 < int(interpreter(code=code).stdout) < 1000

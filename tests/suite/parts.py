"""The parts of a run that are pytest sessions."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.suite.background import Background
from tests.suite.record import Part, parse_collected, parse_results, read_lines
from tests.vm.errors import VmError
from tests.vm.session import DIED, TIMED_OUT, Options, describe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.suite.record import Collected, Result

__all__ = ["GuestPart", "Session", "collect", "run_here"]

# -P: the tree holds a folder `firkin` which is a part of the package; the tests use the whole, which is installed.
_PYTEST = (sys.executable, "-P", "-m", "pytest", "-q")
# The unit tests alone have properties to prove, and to import what proves them takes seconds where it is emulated.
_WITHOUT_PROPERTIES = ("-p", "no:hypothesispytest")
_TESTS_FAILED, _NOTHING_COLLECTED = 1, 5
_GUEST = Options(memory=2048, disks=[512], swap=256, timeout=3000)
_ENDINGS = {DIED: "the guest died", TIMED_OUT: f"the guest was ended after {_GUEST.timeout:.0f} s"}


@dataclass(frozen=True, slots=True)
class Session:
    """What is common to the sessions: where the tree and the records are, and the expression that selects tests."""

    root: Path
    records: Path
    expression: str | None = None

    def selection(self) -> list[str]:
        """pytest's arguments for the expression."""
        return [] if self.expression is None else ["-k", self.expression]


def run_here(session: Session, what: str, name: str, folders: Sequence[str], *, properties: bool = False) -> Part:
    """Runs the tests of `folders` on this machine, their output on this process's.

    Parameters: `name` is the record's; `properties` says whether some of the tests are about properties.
    """
    record = session.records / name
    record.unlink(missing_ok=True)
    start = time.monotonic()
    plugins = () if properties else _WITHOUT_PROPERTIES
    command = [*_PYTEST, *plugins, *folders, "--place=host", f"--record={record}", *session.selection()]
    status = subprocess.run(command, cwd=session.root, check=False).returncode
    results = parse_results(read_lines(record))
    return Part(what, "this machine", time.monotonic() - start, results, _problem(status, results))


def collect(session: Session, folders: Sequence[str]) -> tuple[list[Collected], str]:
    """The tests in `folders`, and what pytest said if it could not collect them all."""
    record = session.records / "collected.jsonl"
    record.unlink(missing_ok=True)
    command = [*_PYTEST, *_WITHOUT_PROPERTIES, *folders, "--collect-only", f"--record={record}", *session.selection()]
    result = subprocess.run(command, cwd=session.root, capture_output=True, text=True, check=False)
    complaint = "" if result.returncode in (0, _NOTHING_COLLECTED) else result.stdout + result.stderr
    return parse_collected(read_lines(record)), complaint


class GuestPart:
    """The tests `nodeids` in a guest of their own, which may run while something else is shown.

    `following` is the part that starts when this one ends.
    """

    def __init__(self, session: Session, nodeids: Sequence[str], *, systemd: bool) -> None:
        self._records = session.records / ("systemd-guest" if systemd else "guest")
        self._nodeids = nodeids
        self._systemd = systemd
        self._process: Background | None = None
        self._lock = threading.Lock()
        self._obstacle = ""
        self.following: GuestPart | None = None
        self.where = "guest with systemd" if systemd else "guest"
        try:
            self.where += f" ({describe(_GUEST)})"
        except (VmError, OSError) as error:
            self._obstacle = f"no guest can be started: {error}"

    def start(self) -> None:
        """Starts the guest, unless it was started before or can not be."""
        with self._lock:
            if self._process is None and not self._obstacle:
                self._process = Background(self._command(), self._start_following)

    def _start_following(self) -> None:
        if self.following:
            self.following.start()

    def finish(self, what: str) -> Part:
        """Shows what the session says until it ends; the guest must have been started."""
        if self._process is None:
            return Part(what, self.where, 0.0, parse_results([], self._nodeids), self._obstacle)
        status = self._process.show()
        results = parse_results(read_lines(self._records / "record.jsonl"), self._nodeids)
        problem = _ENDINGS.get(status) or _problem(status, results)
        return Part(what, self.where, self._process.seconds, results, problem)

    def close(self) -> None:
        """Ends the guest, if it still runs, without a word; none follows."""
        self.following = None
        if self._process is not None:
            self._process.close()

    def _command(self) -> list[str]:
        self._records.mkdir(parents=True, exist_ok=True)
        record, selection = self._records / "record.jsonl", self._records / "selection"
        record.unlink(missing_ok=True)
        selection.write_text("".join(f"{nodeid}\n" for nodeid in self._nodeids))
        files = dict.fromkeys(nodeid.partition("::")[0] for nodeid in self._nodeids)
        pytest = [*_PYTEST, *_WITHOUT_PROPERTIES, "-p", "no:cacheprovider", "--basetemp=/run/pytest", "--place=guest"]
        pytest += [f"--select={selection}", f"--record={record}", *files]
        machine = [f"--mem={_GUEST.memory}", f"--swap={_GUEST.swap}", f"--timeout={_GUEST.timeout}"]
        machine += [f"--disk={size}" for size in _GUEST.disks] + ["--systemd"] * self._systemd
        return [sys.executable, "-m", "tests.vm", *machine, f"--rw={self._records}", "--", *pytest]


def _problem(status: int, results: Sequence[Result]) -> str:
    explained = status == _TESTS_FAILED and any(result.outcome == "failed" for result in results)
    return "" if status in (0, _NOTHING_COLLECTED) or explained else f"pytest ended with status {status}"

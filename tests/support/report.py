"""A record of a test session for `tests/run.py`: one JSON object a line, written as things happen.

    {"event": "collected", "nodeid": ..., "requires": [...], "unmet": {word: reason}, "guest": bool}
    {"event": "started", "nodeid": ...}
    {"event": "ended", "nodeid": ..., "outcome": "passed" | "failed" | "skipped", "unmet": {...}, "reason": ...}

Each line is flushed, so that a guest which dies leaves what it had done, and which test was running.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from tests.support import requirements

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UNMET", "Recorder", "required_words"]

UNMET = "unmet requirement"
"""The name of the user property that says which requirement a test was skipped for: `word: reason`."""

_SEVERITY = ("passed", "skipped", "failed")


def required_words(item: pytest.Item | pytest.Collector) -> list[str]:
    """The words that an item or a module requires, its own and those of its class and module, each once."""
    words = [word for mark in item.iter_markers("requires") for word in mark.args]
    return list(dict.fromkeys(words))


class Recorder:
    """The plugin that writes the record of a session to `path`."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w")
        self._reports: dict[str, list[pytest.TestReport]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            words = required_words(item)
            guest = item.get_closest_marker("guest") is not None
            self._write("collected", item.nodeid, requires=words, unmet=requirements.unmet(words), guest=guest)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            reason = _reason(report.longrepr)
            self._write("ended", report.nodeid, outcome=report.outcome, unmet={}, reason=reason)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._reports[nodeid] = []
        self._write("started", nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports[report.nodeid].append(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        reports = self._reports.pop(nodeid)
        worst = max(reports, key=lambda report: _SEVERITY.index(report.outcome))
        self._write("ended", nodeid, outcome=worst.outcome, unmet=_unmet(reports), reason=_reason(worst.longrepr))

    def pytest_unconfigure(self) -> None:
        self._file.close()

    def _write(self, event: str, nodeid: str, **fields: object) -> None:
        self._file.write(json.dumps({"event": event, "nodeid": nodeid, **fields}) + "\n")
        self._file.flush()


def _unmet(reports: Sequence[pytest.TestReport]) -> dict[str, str]:
    said = [str(value).partition(": ") for name, value in reports[-1].user_properties if name == UNMET]
    return {word: reason for word, _, reason in said}


def _reason(longrepr: object) -> str:
    # A skip's is (file, line, reason).
    text = longrepr[2] if isinstance(longrepr, tuple) else longrepr
    lines = str(text or "").strip().splitlines() or [""]
    telling = next((line for line in lines if line.startswith("E ")), lines[-1])
    return telling.removeprefix("E ").strip().removeprefix("Skipped: ")

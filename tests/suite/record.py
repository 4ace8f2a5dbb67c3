"""What happened to tests: read from the records of pytest sessions and from meson's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "DID_NOT_RUN",
    "Collected",
    "Part",
    "Result",
    "parse_collected",
    "parse_junit",
    "parse_results",
    "read_lines",
]

DID_NOT_RUN = "did not run"
"""The reason of a failure that tells of the session and not of the test."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A test that exists: what it requires, and what of that this machine does not meet."""

    nodeid: str
    requires: Sequence[str] = ()
    unmet: Mapping[str, str] = field(default_factory=dict)
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What happened to a test: `outcome` is passed, failed or skipped, `unmet` why it was skipped, if for that."""

    nodeid: str
    outcome: str
    reason: str = ""
    unmet: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the run: `what` ran `where`, in how many `seconds`; `problem` is a failure that is no test's."""

    what: str
    where: str
    seconds: float = 0.0
    results: Sequence[Result] = ()
    problem: str = ""

    def count(self, outcome: str) -> int:
        """How many of its tests had that outcome."""
        return sum(result.outcome == outcome for result in self.results)


def read_lines(path: Path) -> list[str]:
    """The lines of a record; none if the session did not come to writing one."""
    return path.read_text().splitlines() if path.exists() else []


def parse_collected(lines: Iterable[str]) -> list[Collected]:
    """The tests that a session found."""
    return [
        Collected(event["nodeid"], event["requires"], event["unmet"], event["guest"])
        for event in _events(lines)
        if event["event"] == "collected"
    ]


def parse_results(lines: Iterable[str], expected: Iterable[str] = ()) -> list[Result]:
    """What happened to the tests of a session; one that was found, or `expected`, and did not end has failed."""
    results = {nodeid: Result(nodeid, "failed", DID_NOT_RUN) for nodeid in expected}
    for event in _events(lines):
        nodeid = event["nodeid"]
        if event["event"] == "ended":
            results[nodeid] = Result(nodeid, event["outcome"], event["reason"], event["unmet"])
        elif event["event"] == "started":
            results[nodeid] = Result(nodeid, "failed", "did not end")
        else:
            results[nodeid] = Result(nodeid, "failed", DID_NOT_RUN)
    return list(results.values())


def parse_junit(text: str) -> list[Result]:
    """The results in a JUnit file, as `meson test` writes one."""
    return [_case(case) for case in ElementTree.fromstring(text).iter("testcase")]


def _case(case: ElementTree.Element) -> Result:
    nodeid = "::".join(filter(None, (case.get("classname"), case.get("name"))))
    for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        if (found := case.find(tag)) is not None:
            return Result(nodeid, outcome, found.get("message") or (found.text or "").strip())
    return Result(nodeid, "passed")


def _events(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:  # the line that a dying guest was writing
            return
